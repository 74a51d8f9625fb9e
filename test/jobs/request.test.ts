/** How a submission is checked. */

import { describe, expect, it } from 'vitest';
import { badInput, ClientError } from '../../src/jobs/errors.ts';
import { NO_DEFAULTS } from '../../src/jobs/image.ts';
import type { Image, RequestContext } from '../../src/jobs/offer.ts';
import { checkRequest } from '../../src/jobs/request.ts';
import { requestKey } from '../../src/jobs/request-key.ts';
import type { SubmitRequest } from '../../src/jobs/service.ts';
import { ImageFiles } from '../../src/runtime/image-files.ts';
import { costUs, growth } from '../support/growth.ts';
import { limitsContext } from '../support/limits.ts';

const MIB = 1024 ** 2;
const files = new ImageFiles('/', 65_536);
const offered: Image = {
  digest: 'sha256:00',
  defaults: NO_DEFAULTS,
  userForm: files.userForm,
  findUser: (user) => files.findUser(user),
  isFolder: (path) => files.isFolder(path),
};
const context: RequestContext = {
  // Its own folders are all that is looked at.
  image: (name) => (name === 'alpine' ? offered : undefined),
  mostStdinBytes: 100,
  imageNames: ['alpine'],
  limits: limitsContext({ cpus: () => Array.from({ length: 10_000 }, (_, cpu) => cpu) }),
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
    ['environment variables', 2500, (size) => ({ env: list(size, (n) => ({ name: `N${n}`, value: '' })) })],
    [
      'environment variables of one name',
      2500,
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

/** The fields that a request is refused for, in order. */
const faults = (request: SubmitRequest, malformed: readonly ClientError[] = []) => {
  try {
    checkRequest(request, context, malformed);
    return [];
  } catch (error) {
    if (error instanceof ClientError) return error.faults.map(({ field }) => field);
    throw error;
  }
};

describe('a request with several faults', () => {
  it('is refused for all of them at once, with the message of the first', () => {
    const request: SubmitRequest = {
      argv: ['', 'a\0', 'b', 'c\0'],
      env: [
        { name: 'A=', value: '\0' },
        { name: 'B', value: '' },
        { name: 'B', value: '' },
      ],
      name: '',
      workdir: 'tmp',
      user: 'nosuch',
      hostname: '-',
      limits: {
        cpus: 0,
        memoryBytes: 1,
        memoryHighBytes: 1,
        cpuset: 'x',
        io: [{ readBps: 0, writeIops: 0 }, {}],
      },
      labels: [{ key: '', value: 'x'.repeat(257) }],
      priority: 101,
      retries: { limit: 0, backoffMs: -1 },
    };
    expect(faults(request)).toEqual([
      'input.argv[1]',
      'input.argv[3]',
      'input.env[0].name',
      'input.env[0].value',
      'input.env[2].name',
      'input.name',
      'input.workdir',
      'input.user',
      'input.hostname',
      'input.limits.cpus',
      'input.limits.memory',
      'input.limits.memoryHigh',
      'input.limits.cpuset',
      'input.limits.io[0].readBps',
      'input.limits.io[0].writeIops',
      'input.limits.io[1]',
      'input.labels[0].key',
      'input.labels[0].value',
      'input.priority',
      'input.retries.limit',
      'input.retries.backoff',
    ]);
    expect(refusal(request)).toBe('input.argv[1]: expected text without NUL bytes, got "a\\u0000"');
  });

  it('is not refused for what another fault keeps from being checked', () => {
    expect(
      faults({
        command: '',
        image: 'nosuch',
        workdir: '/nosuch',
        user: 'nosuch',
        capabilities: 'ROOT_IN_CELL',
      }),
    ).toEqual(['input.command', 'input.image']);
    expect(faults({ command: 'true', user: 'nosuch', capabilities: 'ROOT_IN_CELL' })).toEqual(['input.user']);
  });

  it('is refused for values that could not be read first, and not because they are absent', () => {
    const memory = badInput('input.limits.memory', 'a size', 'x');
    const readBps = badInput('input.limits.io[0].readBps', 'a size', 'y');
    expect(
      faults({ command: 'true', limits: { memoryHighBytes: 600 * MIB, io: [{}] }, priority: 101 }, [
        memory,
        readBps,
      ]),
    ).toEqual([memory.field, readBps.field, 'input.priority']);
  });

  it('is refused for at most 50 of them', () => {
    expect(faults({ argv: list(1000, () => '\0'), priority: 101 })).toHaveLength(50);
  });
});

describe('a request', () => {
  it.each<[string, SubmitRequest]>([
    ['argv', { argv: list(100_001, () => '') }],
    ['env', { command: 'true', env: list(100_001, () => ({ name: '', value: '' })) }],
    ['both', { argv: list(50_001, () => ''), env: list(50_000, () => ({ name: '', value: '' })) }],
  ])('with too many strings in %s is refused by their count, before any is looked at', (_name, request) => {
    expect(refusal(request)).toBe(
      'input: expected at most 100000 items in argv and env together, got "100001"',
    );
  });

  it('with too many environment variables is refused by their count', () => {
    const env = (count: number) => list(count, (n) => ({ name: `N${n}`, value: '' }));
    expect(refusal({ command: 'true', env: env(10_001) })).toBe(
      'input.env: expected at most 10000 variables, got "10001"',
    );
    expect(refusal({ command: 'true', env: env(10_000) })).toBeUndefined();
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
