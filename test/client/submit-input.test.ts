/** The flags and words of `submit` and `run` as input of the API. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { whole } from '../../src/client/flag-values.ts';
import { commandWords, type SubmitFlags, submission } from '../../src/client/submit-input.ts';

const submitInput = async (words: { command: string }, flags: SubmitFlags) =>
  (await submission(words, flags, { own: false })).input;

describe('commandWords', () => {
  it('takes one word for a shell command line', () => {
    expect(commandWords(['ls -l /'], false)).toEqual({ command: 'ls -l /' });
  });

  it('takes several words, and one after --, for an argument vector', () => {
    expect(commandWords(['ls', '-l', '/'], false)).toEqual({ argv: ['ls', '-l', '/'] });
    expect(commandWords(['ls', '-l', '/'], true)).toEqual({ argv: ['ls', '-l', '/'] });
    expect(commandWords(['ls'], true)).toEqual({ argv: ['ls'] });
    expect(commandWords(['a program', 'x'], true)).toEqual({ argv: ['a program', 'x'] });
  });

  it('refuses nothing, and a line for the shell with more after it', () => {
    expect(() => commandWords([], false)).toThrow(/^give a command/);
    expect(() => commandWords([], true)).toThrow(/^give a command/);
    expect(() => commandWords(['ls -l', '--json'], false)).toThrow(/^expected flags before the command/);
  });
});

describe('submitInput', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });
  const file = async (content: string | Uint8Array): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'submit-input-'));
    folders.push(folder);
    await writeFile(join(folder, 'input'), content);
    return join(folder, 'input');
  };

  it('passes everything on, sizes and durations as they are', async () => {
    const flags = {
      image: 'alpine',
      env: ['A=1', 'B=x=y', 'C='],
      workdir: '/tmp',
      user: '1000:1000',
      hostname: 'h',
      rootInCell: true,
      stopSignal: 'INT',
      stopScope: 'cell',
      stdin: await file('größer\n'),
      name: 'n',
      label: ['k=v=w'],
      cpus: '0.5',
      cpuWeight: '50',
      cpuset: '0-2',
      cpuTime: '10s',
      memory: '512Mi',
      memoryHigh: '400Mi',
      swap: '0',
      pids: '12',
      disk: '1G',
      inodes: '1000',
      io: ['read-bps=10M,device=/dev/sda', 'write-iops=100,write-bps=5,read-iops=7'],
      timeout: '1h30m',
      output: '1Mi',
      truncate: true,
      priority: '-7',
      startAfter: '2027-01-31T12:00:00Z',
      idempotencyKey: 'once',
    };
    expect(await submitInput({ command: 'true' }, flags)).toEqual({
      command: 'true',
      image: 'alpine',
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: 'x=y' },
        { name: 'C', value: '' },
      ],
      workdir: '/tmp',
      user: '1000:1000',
      hostname: 'h',
      capabilities: 'ROOT_IN_CELL',
      stopSignal: 'INT',
      stopScope: 'CELL',
      stdin: 'größer\n',
      name: 'n',
      labels: [{ key: 'k', value: 'v=w' }],
      priority: -7,
      startAfter: '2027-01-31T12:00:00.000Z',
      idempotencyKey: 'once',
      limits: {
        cpus: 0.5,
        cpuWeight: 50,
        cpuset: '0-2',
        cpuTime: '10s',
        memory: '512Mi',
        memoryHigh: '400Mi',
        swap: '0',
        pids: 12,
        disk: '1G',
        inodes: 1000,
        io: [
          { device: '/dev/sda', readBps: '10M' },
          { writeIops: 100, writeBps: '5', readIops: 7 },
        ],
        timeout: '1h30m',
        output: '1Mi',
        outputPolicy: 'TRUNCATE',
      },
    });
  });

  it.each([
    [
      { env: ['NOT_SET'] },
      '--env: expected NAME=VALUE, or the NAME of a variable that is set here, got "NOT_SET"',
    ],
    [{ env: ['=1'] }, '--env: expected NAME=VALUE, or the NAME of a variable that is set here, got "=1"'],
    [
      { timeout: '10' },
      '--timeout: expected a unit, such as 10s for seconds or 10ms for milliseconds, got "10"',
    ],
    [{ timeout: 'soon' }, '--timeout: expected a duration such as 1h30m or 500ms, got "soon"'],
    [{ stopScope: 'all' }, '--stop-scope: expected command, group or cell, got "all"'],
    [{ cpuTime: '3' }, '--cpu-time: expected a unit'],
    [{ retries: '1', backoff: '3' }, '--backoff: expected a unit'],
    [{ memory: '64q' }, '--memory: expected a size such as 512Mi, 64m or 1.5G, got "64q"'],
    [
      { startAfter: 'noon' },
      '--start-after: expected a time such as 2027-01-31T12:00:00Z or a time from now',
    ],
    [{ startAfter: '10' }, '--start-after: expected a unit'],
    [{ envFile: ['/nowhere'] }, "--env-file: ENOENT: no such file or directory, open '/nowhere'"],
    [{ label: ['k'] }, '--label: expected KEY=VALUE, got "k"'],
    [{ cpus: 'two' }, '--cpus: expected a number such as 0.5, got "two"'],
    [{ priority: 'high' }, '--priority: expected a whole number from -100 to 100, got "high"'],
    [{ io: ['10M'] }, '--io: expected NAME=VALUE with commas between'],
    [{ io: ['speed=10M'] }, '--io: expected NAME=VALUE with commas between'],
    [{ io: ['read-iops=1k'] }, '--io read-iops: expected a whole number'],
    [{ pids: '1.5' }, '--pids: expected a whole number from 0 to 2147483647, got "1.5"'],
    [{ stdin: '/nowhere/at/all' }, "--stdin: ENOENT: no such file or directory, open '/nowhere/at/all'"],
  ])('refuses %j', async (flags, message) => {
    await expect(submitInput({ command: 'true' }, flags)).rejects.toThrow(message);
  });

  it('streams standard input that is long, unless the job may need it again', async () => {
    const stdin = await file(Buffer.alloc(600_000, 'x'));
    const streamed = await submission({ command: 'cat' }, { stdin }, { own: false });
    expect(streamed.input).toMatchObject({ openStdin: true });
    let bytes = 0;
    for await (const piece of streamed.source?.pieces ?? []) bytes += piece.length;
    expect(bytes).toBe(600_000);
    const whole = await submitInput({ command: 'cat' }, { stdin, retries: '1' });
    expect(whole.stdin).toHaveLength(600_000);
  });

  it('sends standard input that is not text as bytes', async () => {
    const stdin = await file(Uint8Array.of(0x61, 0xff));
    const input = await submitInput({ command: 'cat' }, { stdin });
    expect(input).toMatchObject({ stdinBytes: Buffer.from([0x61, 0xff]).toString('base64') });
    expect(input.stdin).toBeUndefined();
  });
});

it('takes no whole number that GraphQL could not carry', () => {
  expect(whole('--tail', '2147483647')).toBe(2147483647);
  expect(() => whole('--tail', '2147483648')).toThrow('--tail: expected a whole number');
});
