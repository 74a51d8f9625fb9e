/** The check of units, on small files. */

import { expect, it } from 'vitest';
import { checkOf } from './checks.ts';

const check = checkOf('units.ts');

it('refuses numbers whose names have no unit, and no others', () => {
  const { status, errors } = check(
    {
      'src/refused.ts': [
        'const wait = (timeout: number) => timeout;',
        'interface A {\n  readonly graceTime?: number | null;\n}',
        'let pageSize: null | number = null;',
        'const since = (startTime: bigint) => startTime;',
        'export const LARGEST_BODY = 16 * 1024 * 1024;',
        'const LARGE = 64 * KIB;',
      ].join('\n'),
      'src/accepted.ts': [
        'const wait = (timeoutMs: number, sizeBytes?: number) => timeoutMs;',
        'interface A {\n  readonly now?: () => number;\n  readonly size: string;\n}',
        'const stage: number = 1, image: number = 2;',
        'const LARGEST_BODY_BYTES = 16 * 1024;',
        'const MIB = 1024 * 1024;',
        'const MOST_ENTRIES = 1024;',
      ].join('\n'),
      'src/client/generated/a.ts': 'let timeout: number;\n',
      'test/a.ts': 'let timeout: number;\n',
    },
    ['--incomplete'],
  );
  expect(errors.trimEnd().split('\n')).toEqual([
    'src/refused.ts:7: LARGEST_BODY: expected a unit such as BYTES or CHARACTERS',
    'src/refused.ts:8: LARGE: expected a unit such as BYTES or CHARACTERS',
    'src/refused.ts:1: timeout: expected a unit such as Ms, Us or Ns',
    'src/refused.ts:3: graceTime: expected a unit such as Ms, Us or Ns',
    'src/refused.ts:6: startTime: expected a unit such as Ms, Us or Ns',
    'src/refused.ts:5: pageSize: expected a unit such as Bytes',
  ]);
  expect(status).toBe(1);
});

it('accepts a name that others have given, as long as it is there', () => {
  const names = 'interface A {\n  readonly size: number;\n}\n';
  expect(check({ 'rootfs/catalogue.ts': names }, ['--incomplete'])).toEqual({ status: 0, errors: '' });
  const { errors } = check({ 'rootfs/catalogue.ts': 'interface A {}\n' });
  expect(errors).toContain('rootfs/catalogue.ts: has no size, which lint/units.ts leaves out\n');
});
