/** The text that the client prints for people. */

import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { checkLines } from '../../src/client/checks.ts';
import { ending } from '../../src/client/exit-code.ts';
import { age, commandLine, jobLines, shortDuration, size } from '../../src/client/format.ts';
import { inert } from '../../src/client/inert.ts';
import type { Job } from '../../src/client/job.ts';
import { jobTable } from '../../src/client/job-table.ts';
import { withTime } from '../../src/client/log-output.ts';
import { result } from '../../src/client/result.ts';
import { signalNumber } from '../../src/signals.ts';

const job = (over: Partial<Job> = {}): Job => ({
  id: '0197-id',
  name: null,
  command: 'ls -lah /',
  commandBytes: null,
  argv: null,
  argvBytes: null,
  image: 'alpine',
  status: 'COMPLETED',
  exitCode: 0,
  signal: null,
  limitExceeded: null,
  error: null,
  createdAt: '2026-01-02T03:04:05.000Z',
  startedAt: '2026-01-02T03:04:05.100Z',
  finishedAt: '2026-01-02T03:04:06.000Z',
  labels: [],
  owner: 'admin',
  env: [],
  workdir: null,
  user: null,
  hostname: null,
  priority: 0,
  startAfter: null,
  queue: null,
  pausedAt: null,
  pinned: false,
  attempt: 1,
  retriedBy: null,
  limits: {
    cpus: null,
    cpuWeight: null,
    cpuset: null,
    cpuTime: null,
    memory: null,
    memoryHigh: null,
    swap: null,
    pids: null,
    disk: 1,
    inodes: null,
    io: [],
    timeout: 1,
    output: 1,
    outputPolicy: 'KILL',
  },
  limitsHit: [],
  output: null,
  usage: null,
  ...over,
});

describe('inert', () => {
  it('shows what would act on a terminal as an escape', () => {
    expect(inert('\x1b[31mred\r\n\x07\x9b\x7f')).toBe('\\x1b[31mred\\r\\n\\x07\\x9b\\x7f');
    expect(inert('a\u202eb\u2028c\u200bd\ud800e')).toBe('a\\u{202e}b\\u{2028}c\\u{200b}d\\u{d800}e');
  });

  it('leaves what people read alone', () => {
    expect(inert('größer ≠ 大 🐪 \\ "x"')).toBe('größer ≠ 大 🐪 \\ "x"');
  });
});

describe('jobLines', () => {
  it('begins as users of the first client know it, and leaves out what there is not', () => {
    expect(jobLines(job())).toBe(
      [
        'Status: COMPLETED',
        'Exit code: 0',
        'Id: 0197-id',
        'Command: ls -lah /',
        'Image: alpine',
        'Created: 2026-01-02T03:04:05.000Z',
        'Started: 2026-01-02T03:04:05.100Z',
        'Finished: 2026-01-02T03:04:06.000Z',
      ].join('\n'),
    );
  });

  it('shows signal, limit, error and usage', () => {
    const text = jobLines(
      job({
        status: 'LIMIT_EXCEEDED',
        exitCode: null,
        signal: 'SIGKILL',
        limitExceeded: 'MEMORY',
        error: 'too much\nStatus: COMPLETED',
        labels: [{ key: 'a', value: 'b' }],
        usage: {
          cpuTime: 12.5,
          userTime: null,
          systemTime: null,
          memoryCurrent: null,
          memoryPeak: 1_572_864,
          pidsPeak: null,
          ioRead: null,
          ioWritten: null,
          ioReadOperations: null,
          ioWriteOperations: null,
          oomKills: 1,
          forksRefused: null,
          throttledTime: null,
          pressure: null,
        },
      }),
    );
    expect(text.split('\n').slice(0, 4)).toEqual([
      'Status: LIMIT_EXCEEDED',
      'Signal: SIGKILL',
      'Limit: MEMORY',
      'Error: too much\\nStatus: COMPLETED',
    ]);
    expect(text).toContain('\nLabels: a=b\n');
    expect(text).toContain('\nCPU time: 12.5 ms\nMemory peak: 1.5 MiB');
  });
});

describe('jobTable', () => {
  const now = Date.parse('2026-01-02T04:05:05.000Z');
  const ids = ['019b7f2c-1a2b-7000-8000-000000000001', '019b7f2c-1a2b-7000-8001-000000000002'] as const;

  it('aligns its columns on a terminal, with ids as short as they can be and distinct', () => {
    const running = {
      id: ids[1],
      status: 'RUNNING',
      exitCode: null,
      finishedAt: null,
      name: '大きい',
    } as const;
    const jobs = [job({ id: ids[0], exitCode: 7 }), job({ ...running, command: 'sleep 1' })];
    // A terminal may not know its width.
    expect(jobTable(jobs, now, 0)).toBe(jobTable(jobs, now, 120));
    expect(jobTable(jobs, now, 120)).toBe(
      [
        'ID                       STATUS     EXIT    AGE  DURATION  NAME    COMMAND',
        '019b7f2c-1a2b-7000-8000  COMPLETED  exit 7  1h   0.9s      -       ls -lah /',
        '019b7f2c-1a2b-7000-8001  RUNNING    -       1h   1h00m     大きい  sleep 1',
      ].join('\n'),
    );
  });

  it('prints complete values separated by tabs without a terminal', () => {
    const text = jobTable([job({ id: ids[0], command: 'x'.repeat(500) })], now);
    expect(text.split('\n')[1]?.split('\t')).toEqual([
      ids[0],
      'COMPLETED',
      'exit 0',
      '1h',
      '0.9s',
      '-',
      'x'.repeat(500),
    ]);
  });

  it('lets no name or command act on the terminal', () => {
    for (const width of [undefined, 200]) {
      const table = jobTable([job({ name: '\x1b[2J\u202e', command: 'a\nID\tb\x9b' })], now, width);
      expect(table.split('\n')).toHaveLength(2);
      for (const active of ['\x1b', '\x9b', '\u202e']) expect(table).not.toContain(active);
      expect(table).toContain('a\\nID\\tb\\x9b');
    }
  });

  it('cuts lines to the width of the terminal, by what characters take', () => {
    for (const width of [100, 60, 61, 20]) {
      const lines = jobTable([job({ id: ids[0], command: '大'.repeat(30) })], now, width).split('\n');
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      expect(lines[1]).toMatch(/…$|^.{1,20}$/);
    }
  });
});

it.each([
  [job({ exitCode: 7 }), 'exit 7', true],
  [job(), 'exit 0', false],
  [job({ exitCode: null, signal: 'SIGKILL' }), 'SIGKILL', true],
  [
    job({ status: 'LIMIT_EXCEEDED', exitCode: null, signal: 'SIGKILL', limitExceeded: 'MEMORY' }),
    'OOM',
    true,
  ],
  [job({ status: 'LIMIT_EXCEEDED', limitExceeded: 'TIME' }), 'TIMEOUT', true],
  [job({ status: 'STOPPED', exitCode: null, signal: 'SIGTERM' }), 'SIGTERM', false],
  [job({ status: 'LOST', exitCode: null }), '-', true],
  [job({ status: 'RUNNING', exitCode: null }), '-', false],
])('says in a word what became of a job', (ended, text, failed) => {
  expect(result(ended)).toEqual({ text, failed });
});

it.each([
  [-1, '0.0s'],
  [340, '0.3s'],
  [9999, '9.9s'],
  [42_900, '42s'],
  [200_000, '3m20s'],
  [18_420_000, '5h07m'],
  [820_800_000, '9d12h'],
])('prints a duration of %d ms as %s', (ms, text) => {
  expect(shortDuration(ms)).toBe(text);
});

it('writes an argument vector as it could be typed', () => {
  const argv = ['/bin/echo', 'a b', "it's", '', '$HOME'];
  expect(commandLine(job({ command: null, argv }))).toBe(`/bin/echo 'a b' 'it'\\''s' '' '$HOME'`);
  const base64 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('base64');
  const argvBytes = ['printf', "%s'\\", '\xc3\xa9\xff'].map(base64);
  expect(commandLine(job({ command: null, argvBytes }))).toBe(`printf '%s'\\''\\' $'é\\xff'`);
  expect(commandLine(job({ command: null, commandBytes: base64('echo \xff') }))).toBe('echo \ufffd');
});

it.each([
  [-5, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_600_000, '1h'],
  [90_000_000, '1d'],
])('prints an age of %d ms as %s', (ms, text) => {
  expect(age(ms)).toBe(text);
});

it.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1.0 KiB'],
  [5 * 1024 ** 3, '5.0 GiB'],
])('prints a size of %d as %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

describe('ending', () => {
  it.each([
    ['its exit code', job({ exitCode: 3 }), 3],
    ['128 + n for a signal', job({ exitCode: null, signal: 'SIGSEGV' }), 139],
    [
      '143 for a job stopped with SIGTERM',
      job({ status: 'STOPPED', exitCode: null, signal: 'SIGTERM' }),
      143,
    ],
    ['its exit code when it was stopped', job({ status: 'STOPPED', exitCode: 7 }), 7],
  ])('is %s', (_, ended, code) => {
    expect(ending(ended)).toEqual({ code });
  });

  it.each([
    [
      'FAILED',
      job({ status: 'FAILED', exitCode: null, error: 'working directory: no such file or directory: /x' }),
      /could not run: working directory: /,
    ],
    ['LOST', job({ status: 'LOST', exitCode: null, error: 'rebooted' }), /was lost: rebooted$/],
    [
      'LIMIT_EXCEEDED',
      job({ status: 'LIMIT_EXCEEDED', exitCode: 0, limitExceeded: 'TIME', error: '1h' }),
      /exceeded its TIME limit: 1h$/,
    ],
    ['STOPPED before it ran', job({ status: 'STOPPED', exitCode: null }), /was stopped before it ran$/],
  ])('is 125 and a sentence for a job that is %s', (_, ended, sentence) => {
    expect(ending(ended)).toEqual({ code: 125, sentence: expect.stringMatching(sentence) });
  });
});

it.each([
  ['no such file or directory: make', 127],
  ['no such file or directory: /bin/perl, the interpreter of make', 127],
  ['permission denied: make', 126],
  ['is a directory: make', 126],
  ['exec format error: make', 126],
  ['working directory: permission denied: make', 125],
  ['the cell could not be made: mount /proc: permission denied', 125],
])('ends with the code that shells have for "%s"', (error, code) => {
  const failed = job({ status: 'FAILED', exitCode: null, command: null, argv: ['make', 'all'], error });
  expect(ending(failed).code).toBe(code);
});

it.each([
  ['alpine', true],
  ['ubuntu', true],
  ['python:3.12', true],
  ['ghcr.io/owner/tool:1', true],
  ['make', false],
  ['./tool:1', false],
  ['/bin/make', false],
])('knows whether %s, which is no program, may be an image', (word, isImage) => {
  const error = `no such file or directory: ${word}`;
  const failed = job({ status: 'FAILED', exitCode: null, command: null, argv: [word, 'ls'], error });
  const { code, sentence } = ending(failed);
  expect({ code, hint: sentence?.endsWith(' given by a flag, --image NAME, before the command') }).toEqual({
    code: 127,
    hint: isImage,
  });
});

it.each([
  ['SIGTERM', 15],
  ['KILL', 9],
  ['SIGRTMIN+2', 36],
  ['SIGRTMIN', 34],
  ['SIG33', 33],
  ['SIGNONSENSE', undefined],
])('knows the number of %s', (name, number) => {
  expect(signalNumber(name)).toBe(number);
});

describe('withTime', () => {
  it('stamps every line at its beginning, and not its continuation', () => {
    expect(withTime(Buffer.from('end\nwhole\nbegin'), 'T ', false).toString()).toBe('end\nT whole\nT begin');
    expect(withTime(Buffer.from('\n\n'), 'T ', true).toString()).toBe('T \nT \n');
    expect(withTime(Buffer.alloc(0), 'T ', true).toString()).toBe('');
  });

  it('leaves bytes that are not text as they are', () => {
    const bytes = Buffer.from([0xff, 0x00, 0x0a, 0xc3]);
    expect([...withTime(bytes, 'T', true)]).toEqual([0x54, 0xff, 0x00, 0x0a, 0x54, 0xc3]);
  });
});

describe('checkLines', () => {
  it('gives the remedy below what is wrong', () => {
    const remedy = 'mount it:\n  mount -t cgroup2';
    expect(checkLines({ name: 'cgroup2', status: 'FAIL', detail: 'not mounted', remedy })).toBe(
      'FAIL  cgroup2: not mounted\n      mount it:\n        mount -t cgroup2',
    );
  });

  it('keeps the remedy of what is right to itself', () => {
    expect(checkLines({ name: 'kernel', status: 'PASS', detail: '6.1', remedy: 'upgrade' })).toBe(
      'PASS  kernel: 6.1',
    );
  });
});
