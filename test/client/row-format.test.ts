/** The flag --format. */

import { describe, expect, it } from 'vitest';
import { formatOf, rowFormat } from '../../src/client/row-format.ts';

const row = { id: 'a1', exitCode: 0, name: null, job: { id: 'b\n2' }, labels: [{ key: 'k' }], pinned: false };

describe('--format', () => {
  it.each([
    ['{{.id}} is {{ .exitCode }}', 'a1 is 0'],
    ['{{.id}}\\t{{.name}}|{{.pinned}}\\n', 'a1\t|false\n'],
    ['{{.job.id}} {{.name.first}} {{.labels}}', 'b\\n2  [{"key":"k"}]'],
    ['id,job.id, exitCode', 'a1\tb\\n2\t0'],
    ['id', 'a1'],
  ])('makes of %j the line %j', (format, line) => {
    expect(rowFormat(format)(row)).toBe(line);
  });

  it.each([
    ['', 'expected the name of a value'],
    ['id,', 'expected the name of a value'],
    ['{{.id', 'expected values such as {{.id}}'],
    ['{{id}}', 'expected values such as {{.id}}'],
    ['{{.i-d}}', 'expected the name of a value'],
    ['{{.toString}}', 'expected one of id, exitCode, name, job, labels, pinned; got "toString"'],
    ['job.nosuch', 'expected one of id; got "job.nosuch"'],
    ['id.length', 'expected one of no names below it; got "id.length"'],
  ])('refuses %j', (format, message) => {
    expect(() => rowFormat(format)(row)).toThrow(`--format: ${message}`);
  });

  it('excludes --json', () => {
    expect(() => formatOf({ format: 'id', json: true })).toThrow(
      '--format: expected without --json, got both',
    );
  });
});
