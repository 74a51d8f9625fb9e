import { describe, expect, it } from 'vitest';
import { ClientError } from '../../src/jobs/errors.ts';
import { checkRequest, type RequestContext } from '../../src/jobs/request.ts';
import { requestKey } from '../../src/jobs/request-key.ts';
import type { SubmitRequest } from '../../src/jobs/service.ts';
import { costUs, growth } from '../support/growth.ts';

const MIB = 1024 ** 2;
const none = { cpus: null, memory: null, swap: null, pids: null, disk: null, timeout: null, output: null };
const context: RequestContext = {
  // Its own folders are all that is looked at.
  image: (name) => (name === 'alpine' ? '/' : undefined),
  imageNames: ['alpine'],
  ids: { count: 65_536 },
  limits: {
    defaults: { cpus: 1, memory: MIB * 512, swap: 0, pids: 256, disk: MIB, timeout: 60_000, output: MIB },
    maxima: none,
    capacity: { memory: null, cpus: null },
    missing: () => undefined,
    cpus: () => Array.from({ length: 10_000 }, (_, cpu) => cpu),
    disk: () => '8:0',
  },
};

/** What a request is refused with, or nothing. */
const refusal = (request: SubmitRequest): string | undefined => {
  try {
    requestKey(request);
    checkRequest(request, context);
    return undefined;
  } catch (error) {
    if (error instanceof ClientError) return error.message;
    throw error;
  }
};

const list = <T>(length: number, item: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => item(index));

describe('checking a request takes time in proportion to its size', () => {
  it.each<[string, number, (size: number) => Omit<SubmitRequest, 'command'>]>([
    ['environment variables', 5000, (size) => ({ env: list(size, (n) => ({ name: `N${n}`, value: '' })) })],
    [
      'environment variables of one name',
      20_000,
      (size) => ({ env: list(size, () => ({ name: 'N', value: '' })) }),
    ],
    ['labels', 20_000, (size) => ({ labels: list(size, (n) => ({ key: `k${n}`, value: '' })) })],
    ['devices', 20_000, (size) => ({ limits: { io: list(size, () => ({ readBps: 1 })) } })],
    ['ranges of CPUs', 5000, (size) => ({ limits: { cpuset: list(size, () => '0-9999').join(',') } })],
    ['a workdir', 100_000, (size) => ({ workdir: '/'.repeat(size) })],
    ['a workdir of folders', 100_000, (size) => ({ workdir: '/..'.repeat(size) })],
    ['a user', 500_000, (size) => ({ user: '1'.repeat(size) })],
    ['a host name', 500_000, (size) => ({ hostname: 'a.'.repeat(size) })],
    ['a name', 500_000, (size) => ({ name: 'n'.repeat(size) })],
    ['an image', 500_000, (size) => ({ image: 'i'.repeat(size) })],
    ['a key', 500_000, (size) => ({ idempotencyKey: 'i'.repeat(size) })],
  ])('%s', (_name, size, make) => {
    const step = (length: number) => {
      const request = { command: 'true', ...make(length) };
      return () => refusal(request);
    };
    expect(growth(size, step)).toBeLessThan(9);
  });

  it('arguments', () => {
    const step = (length: number) => {
      const argv = list(length, (n) => `${n}`);
      return () => refusal({ argv });
    };
    expect(growth(10_000, step)).toBeLessThan(9);
  });
});

describe('checking a request', () => {
  it('costs no more for wide ranges of CPUs than for narrow ones', () => {
    const check = (range: string) => {
      const limits = { cpuset: list(20_000, () => range).join(',') };
      return () => refusal({ command: 'true', limits });
    };
    expect(costUs(check('0-9999')) / costUs(check('0-9'))).toBeLessThan(5);
  });
});

describe('a request', () => {
  it.each<[string, SubmitRequest]>([
    ['argv', { argv: list(100_001, () => '') }],
    ['env', { command: 'true', env: list(100_001, () => ({ name: '', value: '' })) }],
    ['both', { argv: list(50_001, () => ''), env: list(50_000, () => ({ name: '', value: '' })) }],
  ])('with too many strings in %s is refused by their count, before any is looked at', (_name, request) => {
    expect(refusal(request)).toBe('input: expected at most 100000 of argv and env together, got "100001"');
  });

  it('with as many strings as execve takes is taken', () => {
    expect(refusal({ argv: list(100_000, (n) => `${n}`) })).toBeUndefined();
  });

  it('with a workdir longer than a path can be is refused', () => {
    expect(refusal({ command: 'true', workdir: `/${'x'.repeat(4095)}` })).toBe(
      'input.workdir: expected at most 4095 bytes, got "4096 bytes"',
    );
  });
});
