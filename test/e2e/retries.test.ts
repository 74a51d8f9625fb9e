/** Retries of failed jobs. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly status: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly retryOf: { readonly id: string } | null;
  readonly retriedBy: { readonly id: string } | null;
}

const get = async (id: string): Promise<Attempt> =>
  (
    await server.query<{ job: Attempt }>(
      `query ($id: ID!) { job(id: $id) {
        id attempt status createdAt startedAt finishedAt retryOf { id } retriedBy { id } } }`,
      { id },
    )
  ).job;

/** All attempts, when the last has ended. */
const chain = async (first: string): Promise<Attempt[]> => {
  const attempts: Attempt[] = [];
  for (let id: string | undefined = first; id !== undefined; ) {
    await server.ended(id);
    const attempt: Attempt = await get(id);
    attempts.push(attempt);
    id = attempt.retriedBy?.id;
  }
  return attempts;
};

const retries = { limit: 2, backoff: '50ms' };

describe('a job with retries', () => {
  it('is tried again as a job of its own until the attempts are used up, ever later', async () => {
    const first = await server.submit({
      command: 'echo once; exit 3',
      retries,
      labels: [{ key: 'k', value: 'r' }],
    });
    const attempts = await chain(first);
    expect(attempts.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'COMPLETED'],
      [2, 'COMPLETED'],
      [3, 'COMPLETED'],
    ]);
    expect(attempts.map(({ retryOf }) => retryOf?.id ?? null)).toEqual([null, first, first]);
    for (const { id } of attempts) expect((await server.output(id)).stdout).toBe('once\n');
    const gaps = attempts
      .slice(1)
      .map(
        ({ startedAt }, index) => Date.parse(startedAt ?? '') - Date.parse(attempts[index]?.finishedAt ?? ''),
      );
    expect(gaps[0]).toBeGreaterThanOrEqual(50);
    expect(gaps[1]).toBeGreaterThanOrEqual(100);
    const { jobs } = await server.query<{ jobs: { totalCount: number } }>(
      '{ jobs(filter: { label: { key: "k", value: "r" } }) { totalCount } }',
    );
    expect(jobs.totalCount).toBe(3);
  });

  it('is tried again after a limit, and not after success, a stop, or what cannot be executed', async () => {
    const limited = await server.submit({
      command: 'sleep 1000',
      limits: { timeout: '100ms' },
      retries: { limit: 1, backoff: 0 },
    });
    expect((await chain(limited)).map(({ status }) => status)).toEqual(['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED']);
    const fine = await server.submit({ command: 'true', retries });
    expect(await chain(fine)).toHaveLength(1);
    const nothing = await server.submit({ argv: ['/nosuch'], retries });
    expect(await chain(nothing)).toHaveLength(1);
    const stopped = await server.submit({ command: 'sleep 1000', retries });
    await server.running(stopped);
    await server.stop(stopped, 0);
    expect(await chain(stopped)).toHaveLength(1);
  });

  it('ends when an attempt that waits is stopped', async () => {
    const first = await server.submit({ command: 'exit 1', retries: { limit: 5, backoff: '1h' } });
    await server.ended(first);
    const { retriedBy } = await get(first);
    expect(await get(retriedBy?.id ?? '')).toMatchObject({ status: 'QUEUED', attempt: 2 });
    expect(await server.stop(retriedBy?.id ?? '', 0)).toMatchObject({ status: 'STOPPED' });
    expect(await chain(first)).toHaveLength(2);
  });

  it('is tried again by the next server, once', async () => {
    const first = await server.submit({ command: 'sleep 0.5; exit 1', retries: { limit: 1, backoff: '1s' } });
    await server.running(first);
    await server.end('SIGKILL');
    await server.boot();
    await server.ended(first);
    await server.end('SIGKILL');
    await server.boot();
    const attempts = await chain(first);
    expect(attempts).toHaveLength(2);
    expect(attempts[1]?.startedAt).not.toBeNull();
  });

  it('is followed through its attempts by the command line', async () => {
    const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir };
    const bin = join(import.meta.dirname, '..', '..', 'bin', 'cloister');
    const child = spawn(bin, ['run', '--retries', '1', '--backoff', '10ms', 'echo x; exit 4'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (chunk: string) => {
        text[stream] += chunk;
      });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, ...text }).toEqual({
      code: 4,
      stdout: 'x\nx\n',
      stderr: 'cloister: attempt 1 failed (exit code 4): trying again\n',
    });
  });

  it.each([
    [{ limit: 0 }, 'input.retries.limit: expected from 1 to 100 retries, got 0'],
    [{ limit: 101 }, 'input.retries.limit'],
    [
      { limit: 1, backoff: '25h' },
      'input.retries.backoff: expected from 0 to 86400000 milliseconds, got 90000000',
    ],
    [{ limit: 1, backoff: 'soon' }, 'input.retries.backoff'],
  ])('%j is refused', async (asked, message) => {
    await expect(server.submit({ command: 'true', retries: asked })).rejects.toThrow(message);
  });
});
