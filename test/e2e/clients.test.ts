/** Clients of other projects with a real server. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serverAudits } from 'graphql-http';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { TestServer } from '../support/server.ts';

const run = promisify(execFile);
const onEnd = disposers();
let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const LOGS = `subscription ($jobId: ID!, $after: String, $tail: Int) {
  logs(jobId: $jobId, after: $after, tail: $tail) { entries { stream text bytes cursor } cursor endOfLog droppedBytes }
}`;

interface Batch {
  readonly entries: readonly { stream: string; text: string; bytes: string; cursor: string }[];
  readonly cursor: string;
  readonly endOfLog: boolean;
}

const socketClient = () => {
  const client = createClient({
    url: server.url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${server.token}` },
  });
  onEnd(() => client.dispose());
  return client;
};

describe('GraphQL over HTTP', () => {
  const audits = serverAudits({
    url: () => server.url,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${server.token}` } }),
  });

  it('has the expected number of audits', () => {
    expect(audits).toHaveLength(61);
  });

  it.each(audits.map((audit) => [audit.name, audit] as const))('%s', async (_name, audit) => {
    const result = await audit.fn();
    expect(result.status, result.status === 'ok' ? '' : result.reason).toBe('ok');
  });
});

describe('the graphql-ws client', () => {
  it('follows a log from the beginning to its end', async () => {
    const jobId = await server.submit({ command: 'for i in 1 2 3; do echo line $i; sleep 0.1; done' });
    const batches: Batch[] = [];
    const iterator = socketClient().iterate<{ logs: Batch }>({ query: LOGS, variables: { jobId } });
    for await (const { data } of iterator) if (data) batches.push(data.logs);
    expect(batches.flatMap(({ entries }) => entries.map(({ text }) => text)).join('')).toBe(
      'line 1\nline 2\nline 3\n',
    );
    expect(batches.map(({ endOfLog }) => endOfLog)).toEqual(
      batches.map((_, index) => index === batches.length - 1),
    );
  });

  it('receives each state of a job, then the completion', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    const seen: string[] = [];
    const query = 'subscription ($id: ID!) { jobUpdated(jobId: $id) { status } }';
    const iterator = socketClient().iterate<{ jobUpdated: { status: string } }>({ query, variables: { id } });
    for await (const { data } of iterator) {
      if (!data) continue;
      const { status } = data.jobUpdated;
      // By itself it could end before it is followed.
      if (status === 'RUNNING' && !seen.includes(status)) await server.signal(id, 'SIGTERM');
      seen.push(status);
    }
    expect(seen.slice(-2)).toEqual(['RUNNING', 'COMPLETED']);
  });

  it('is refused an unknown job and a made-up cursor, with their codes', async () => {
    const jobId = await server.submit({ command: 'echo x' });
    const errorOf = (variables: Record<string, unknown>): Promise<unknown> =>
      new Promise((resolve, reject) => {
        socketClient().subscribe(
          { query: LOGS, variables },
          {
            next: ({ errors }) => resolve(errors),
            error: resolve,
            complete: () => reject(new Error('no error')),
          },
        );
      });
    expect(await errorOf({ jobId: 'nosuch' })).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    expect(await errorOf({ jobId, after: 'banana' })).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });

  it('gets a character whole that was written in two parts', async () => {
    const jobId = await server.submit({ command: "printf '\\303'; sleep 0.2; printf '\\251\\377.'" });
    const entries: Batch['entries'][number][] = [];
    const iterator = socketClient().iterate<{ logs: Batch }>({ query: LOGS, variables: { jobId } });
    for await (const { data } of iterator) entries.push(...(data?.logs.entries ?? []));
    expect(entries.map(({ text }) => text).join('')).toBe('é\ufffd.');
    expect(Buffer.concat(entries.map(({ bytes }) => Buffer.from(bytes, 'base64')))).toEqual(
      Buffer.from([0xc3, 0xa9, 0xff, 0x2e]),
    );
  });

  it('begins at the last lines, or after a cursor', async () => {
    const jobId = await server.submit({ command: 'seq 100' });
    await server.ended(jobId);
    const read = async (variables: Record<string, unknown>): Promise<string> => {
      let text = '';
      const iterator = socketClient().iterate<{ logs: Batch }>({ query: LOGS, variables });
      for await (const { data } of iterator) for (const entry of data?.logs.entries ?? []) text += entry.text;
      return text;
    };
    expect(await read({ jobId, tail: 2 })).toBe('99\n100\n');
    const { job } = await server.query<{ job: { logs: Batch } }>(
      'query ($jobId: ID!) { job(id: $jobId) { logs(first: 10) { cursor entries { text } } } }',
      { jobId },
    );
    const first = job.logs.entries.map(({ text }) => text).join('');
    expect(first).toHaveLength(10);
    const rest = await read({ jobId, after: job.logs.cursor });
    expect(first + rest).toBe(Array.from({ length: 100 }, (_, index) => `${index + 1}\n`).join(''));
  });

  it('receives the end of the log of a job that never ran', async () => {
    const jobId = await server.submit({ argv: ['nosuch'] });
    const batches: Batch[] = [];
    const iterator = socketClient().iterate<{ logs: Batch }>({ query: LOGS, variables: { jobId } });
    for await (const { data } of iterator) if (data) batches.push(data.logs);
    expect(batches.at(-1)).toMatchObject({ entries: [], endOfLog: true });
  });
});

describe('the graphql-sse client', () => {
  it('follows a log to its end', async () => {
    const client = createSseClient({ url: server.url, headers: { authorization: `Bearer ${server.token}` } });
    onEnd(() => client.dispose());
    const { id: jobId, ended } = await server.submitInTurn([
      ['echo one', 'one\n'],
      ['echo two >&2', 'two\n'],
    ]);
    const seen: string[] = [];
    for await (const { data } of client.iterate<{ logs: Batch }>({ query: LOGS, variables: { jobId } }))
      for (const { stream, text } of data?.logs.entries ?? []) seen.push(`${stream} ${text}`);
    expect(seen).toEqual(['STDOUT one\n', 'STDERR two\n']);
    await ended;
  });
});

describe('curl', () => {
  const curl = async (query: string, variables: unknown, ...more: string[]): Promise<string> => {
    const { stdout } = await run('curl', [
      '-sS',
      ...more,
      '-H',
      `Authorization: Bearer ${server.token}`,
      '-H',
      'Content-Type: application/json',
      '-d',
      JSON.stringify({ query, variables }),
      server.url,
    ]);
    return stdout;
  };

  it('submits, follows and asks', async () => {
    const submitted = await curl(
      'mutation { submitJob(input: { command: "echo hello" }) { job { id } } }',
      {},
    );
    const { data } = JSON.parse(submitted) as { data: { submitJob: { job: { id: string } } } };
    const jobId = data.submitJob.job.id;
    const events = await curl(LOGS, { jobId }, '-N', '-H', 'Accept: text/event-stream');
    expect(events).toContain('"text":"hello\\n"');
    expect(events).toContain('event: complete');
    const job = await curl('query ($id: ID!) { job(id: $id) { status exitCode } }', { id: jobId });
    expect(JSON.parse(job)).toEqual({ data: { job: { status: 'COMPLETED', exitCode: 0 } } });
  });
});
