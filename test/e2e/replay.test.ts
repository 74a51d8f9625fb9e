/** `cloister replay`, and `cloister run --wait`: one answer instead of submission, wait and log. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nanoseconds } from '../../src/client/timeline.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'cloister');

const cloister = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string; tookMs: number }>((resolve) => {
    const began = performance.now();
    const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir };
    execFile(BIN, args, { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, stdout, stderr, tookMs: performance.now() - began });
    }).stdin?.end();
  });

const castOf = async (...args: string[]) => {
  const { stdout, code } = await cloister('replay', '--cast', '-', ...args);
  expect(code).toBe(0);
  const [header, ...events] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { header, events: events as [number, string, string][] };
};

/** When each entry of a log was written that has a whole character or a size, in seconds after the beginning. */
const writtenAt = async (id: string): Promise<number[]> => {
  const { job } = await server.query<{
    job: { startedAt: string; logs: { entries: { time: string; text: string; resized: unknown }[] } };
  }>(`{ job(id: "${id}") { startedAt logs { entries { time text resized { rows } } } } }`);
  const [started, first = started] = [job.startedAt, job.logs.entries[0]?.time].map((time) =>
    nanoseconds(time ?? job.startedAt),
  ) as [bigint, bigint];
  // The command may write before the supervisor has noted that it runs.
  const start = first < started ? first : started;
  const shown = job.logs.entries.filter(({ text, resized }) => text !== '' || resized !== null);
  return shown.map(({ time }) => Number(nanoseconds(time) - start) / 1e9);
};

describe('a replay', () => {
  it('of a terminal has its output and its sizes, at their times', async () => {
    const id = await server.submit({
      command: 'stty size; read -r _; stty size; sleep 0.3; printf "\\303"; sleep 0.1; printf "\\244\\n"',
      terminal: { rows: 20, columns: 70 },
      name: 'session',
    });
    await expect
      .poll(async () =>
        JSON.stringify(await server.query(`{ job(id: "${id}") { logs { entries { text } } } }`)),
      )
      .toContain('20 70');
    await server.query(
      `mutation { resizeTerminal(input: { jobId: "${id}", rows: 30, columns: 90 }) { job { id } } }`,
    );
    await server.query(
      `mutation { writeStdin(input: { jobId: "${id}", offset: 0, text: "\\n" }) { accepted } }`,
    );
    await server.ended(id);
    const { header, events } = await castOf(id);
    expect(header).toMatchObject({ version: 2, width: 70, height: 20, title: 'session' });
    const texts = events.filter(([, kind]) => kind === 'o').map(([, , text]) => text);
    expect(texts.join('')).toBe('20 70\r\n\r\n30 90\r\nä\r\n');
    expect(events.filter(([, kind]) => kind === 'r').at(-1)?.[2]).toBe('90x30');
    expect(events.findIndex(([, kind]) => kind === 'r')).toBeLessThan(
      events.findIndex(([, , text]) => text.includes('30 90')),
    );
    const written = await writtenAt(id);
    expect(events.map(([time]) => time)).toEqual(written.map((time) => expect.closeTo(time, 4)));
    const last = written.at(-1) ?? 0;
    // What was on the screen before is there at once.
    const late = await castOf('--from', `${Math.floor(last * 1000)}ms`, id);
    expect(late.events.map(([, , text]) => text).join('')).toContain('20 70');
    expect(Math.max(...late.events.map(([time]) => time))).toBeLessThan(0.002);
    const played = await cloister('replay', '--speed', '1000', id);
    expect(played.stdout).toBe('20 70\r\n\r\n30 90\r\nä\r\n');
  });

  it('of other output keeps its streams and its pace', async () => {
    const id = await server.submit({ command: 'echo one; sleep 1; echo two >&2; sleep 1; echo three' });
    await server.ended(id);
    const [whole, short] = [await cloister('replay', id), await cloister('replay', '--max-idle', '0', id)];
    expect(whole).toMatchObject({ code: 0, stdout: 'one\nthree\n', stderr: 'two\n' });
    expect(short).toMatchObject({ code: 0, stdout: 'one\nthree\n', stderr: 'two\n' });
    const [, second = 0, third = 0] = await writtenAt(id);
    expect(whole.tookMs).toBeGreaterThan(1000 * third);
    const between = `${Math.round(500 * (second + third))}ms`;
    expect((await cloister('replay', '--from', between, '--speed', '100', id)).stdout).toBe('three\n');
    const { header, events } = await castOf('--speed', '2', id);
    expect(header).toMatchObject({ version: 2, width: 80, height: 24 });
    expect(events.map(([, , text]) => text)).toEqual(['one\r\n', 'two\r\n', 'three\r\n']);
    expect(events.at(-1)?.[0]).toBeCloseTo(third / 2, 4);
  });

  it.each([
    [['--speed', '0'], '--speed: expected a number from 0.01 to 1000, got "0"'],
    [['--from', '1'], '--from: expected a unit'],
    [['--max-idle', 'x'], '--max-idle: expected a duration'],
    [['--cast', '/no/such/folder/x'], '--cast: ENOENT'],
  ])('is refused with %j', async (flags, message) => {
    const { id } = await server.run({ command: 'true' });
    const { code, stderr } = await cloister('replay', ...flags, id);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

describe('one answer', () => {
  it('says what submission, wait and log say', async () => {
    const command = 'seq 1 3; echo no >&2; exit 7';
    const once = await cloister('run', '--wait', '60s', '--json', command);
    expect(once.code).toBe(7);
    const { finished, job, logs } = JSON.parse(once.stdout);
    expect([finished, logs.endOfLog]).toEqual([true, true]);
    const id = (await cloister('submit', command)).stdout.trim();
    const [waited] = JSON.parse((await cloister('wait', '--json', id)).stdout);
    const { stdout, stderr } = await cloister('logs', id);
    for (const field of ['status', 'exitCode', 'signal', 'error', 'command', 'limits'])
      expect(job[field], field).toEqual(waited[field]);
    expect(Object.keys(job).toSorted()).toEqual(Object.keys(waited).toSorted());
    const textOf = (stream: string): string =>
      logs.entries
        .filter((entry: { stream: string }) => entry.stream === stream)
        .map(({ text }: { text: string }) => text)
        .join('');
    expect([textOf('STDOUT'), textOf('STDERR')]).toEqual([stdout, stderr]);
  });

  it('comes when the wait is over, and the job continues', async () => {
    const { code, stdout } = await cloister('run', '--wait', '100ms', '--json', 'sleep 1000');
    const { finished, job } = JSON.parse(stdout);
    expect([code, finished]).toEqual([124, false]);
    expect((await cloister('stop', job.id)).code).toBe(0);
  });

  it.each([
    [['--wait', '1s'], '--wait: expected together with --json'],
    [['--json'], '--json: expected together with --wait'],
    [['--wait', '1', '--json'], '--wait: expected a unit'],
    [['--wait', '1s', '--json', '-d'], '--detach: expected without --wait'],
  ])('is refused with %j', async (flags, message) => {
    const { code, stderr } = await cloister('run', ...flags, 'true');
    expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
  });
});
