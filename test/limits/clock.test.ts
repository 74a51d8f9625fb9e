/** A wall clock that is set while jobs run. */

import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

const HOUR = 3_600_000;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** By how much the wall clock was set forward in all, in milliseconds. */
let offset = 0;

const setBy = (milliseconds: number): void => {
  const target = (Date.now() + milliseconds) / 1000;
  execFileSync('date', ['-u', '-s', `@${target.toFixed(3)}`], { stdio: 'ignore' });
  offset += milliseconds;
};

// Only the clock of the test machine may be set.
const ours = describe.runIf(hostname() === 'cloister-vm');

afterEach(() => {
  if (offset !== 0) setBy(-offset);
});

ours.each([
  ['forward', HOUR],
  ['back', -HOUR],
])('while the clock is set %s by an hour', (_name, jump) => {
  it('a deadline comes neither sooner nor later, and durations are right', async () => {
    const id = await server.submit({ command: 'sleep 1000', limits: { timeout: '5s' } });
    await server.running(id);
    const began = performance.now();
    setBy(jump);
    const job = await server.ended(id);
    const waited = performance.now() - began;
    expect(job).toMatchObject({ status: 'LIMIT_EXCEEDED', limitExceeded: 'TIME' });
    expect(waited).toBeLessThan(60_000);
    const ran = Date.parse(job.finishedAt ?? '') - Date.parse(job.startedAt ?? '');
    expect(ran).toBeGreaterThanOrEqual(5000);
    expect(ran).toBeLessThan(60_000);
  });

  it('ids stay unique, and jobs are listed in the order in which they came', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.push((await server.run({ command: 'true' })).id);
    setBy(jump);
    for (let index = 0; index < 3; index++) ids.push((await server.run({ command: 'true' })).id);
    expect(new Set(ids).size).toBe(6);
    const { jobs } = await server.query<{ jobs: { nodes: { id: string }[] } }>(
      '{ jobs(first: 6) { nodes { id } } }',
    );
    expect(jobs.nodes.map(({ id }) => id).toReversed()).toEqual(ids);
  });

  it('cursors continue through the log, and times before the change are found in it', async () => {
    const id = await server.submit({ command: 'echo one; sleep 2; echo two; sleep 2; echo three' });
    const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text cursor } } }';
    const seen: string[] = [];
    let cursor = '';
    for await (const data of server.subscribe(document, { id }))
      for (const entry of (data as { logs: { entries: { text: string; cursor: string }[] } }).logs.entries) {
        seen.push(entry.text);
        if (seen.length === 1) {
          cursor = entry.cursor;
          setBy(jump);
        }
      }
    expect(seen.join('')).toBe('one\ntwo\nthree\n');
    const { job } = await server.query<{ job: { logs: { entries: { text: string }[] } } }>(
      'query ($id: ID!, $after: String) { job(id: $id) { logs(after: $after) { entries { text } } } }',
      { id, after: cursor },
    );
    expect(job.logs.entries.map(({ text }) => text).join('')).toBe('two\nthree\n');
  });

  it('a job starts at its startAfter, and so does a retry', async () => {
    const id = await server.submit({ command: 'exit 1', retries: { limit: 1, backoff: '3s' } });
    await server.ended(id);
    setBy(jump);
    // Set back, the clock has to come to that time again: the job was asked to wait by the clock.
    if (jump < 0) setBy(HOUR);
    const { job } = await server.query<{ job: { retriedBy: { id: string } } }>(
      'query ($id: ID!) { job(id: $id) { retriedBy { id } } }',
      { id },
    );
    expect(await server.ended(job.retriedBy.id)).toMatchObject({ status: 'COMPLETED', exitCode: 1 });
  });
});
