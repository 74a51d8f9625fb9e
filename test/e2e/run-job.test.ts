/** `runJob` against a real server: what one request of curl answers is what submitting, polling and reading answer. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const FIELDS = 'status exitCode signal limitExceeded error output { kept dropped } usage { cpuTime }';
const PAGE = 'entries { stream text } endOfLog droppedBytes';
const RUN = `mutation ($input: SubmitJobInput!, $wait: Duration, $stop: Boolean) {
  runJob(input: $input, wait: $wait, stopOnDisconnect: $stop) {
    finished job { id ${FIELDS} } logs { cursor ${PAGE} }
  }
}`;

interface Run {
  readonly finished: boolean;
  readonly job: { readonly id: string; readonly status: string; readonly exitCode: number | null };
  readonly logs: { readonly cursor: string; readonly entries: readonly { readonly text: string }[] };
}

const curl = async (variables: object): Promise<Run> => {
  const { stdout } = await promisify(execFile)('curl', [
    '--silent',
    '--show-error',
    '--header',
    `Authorization: Bearer ${server.token}`,
    '--header',
    'Content-Type: application/json',
    '--data',
    JSON.stringify({ query: RUN, variables }),
    server.url,
  ]);
  return (JSON.parse(stdout) as { data: { runJob: Run } }).data.runJob;
};

it.each(['echo out; echo err >&2; exit 7', 'kill -TERM $$', 'head -c 100000 /dev/zero'])(
  'answers by one request of curl what submit, poll and logs answer: %s',
  async (command) => {
    const input = { command };
    const once = await curl({ input, wait: '1m' });
    const id = await server.submit(input);
    await server.ended(id);
    const { job } = await server.query<{ job: Record<string, unknown> }>(
      `query ($id: ID!) { job(id: $id) { ${FIELDS} logs { ${PAGE} } } }`,
      { id },
    );
    const { logs, usage: used, ...rest } = job;
    expect(once.finished).toBe(true);
    expect({ ...once.job, ...rest }).toEqual(once.job);
    expect(Object.keys(Object(used))).toEqual(used === null ? [] : ['cpuTime']);
    const joined = (page: unknown) => (page as Run['logs']).entries.map(({ text }) => text).join('');
    expect(joined(once.logs)).toBe(joined(logs));
  },
);

it('answers with a cursor to continue from when the job outlives the wait', async () => {
  // The same key: each further request waits for the same job.
  const input = { command: 'echo first; sleep 1000', idempotencyKey: 'slow' };
  let run: Run | undefined;
  await expect
    .poll(async () => {
      run = await curl({ input, wait: '100ms' });
      return run;
    })
    .toMatchObject({ finished: false, job: { status: 'RUNNING' }, logs: { entries: [{ text: 'first\n' }] } });
  const id = run?.job.id ?? '';
  await server.stop(id, 0);
  const rest = await server.query<{ job: { logs: unknown } }>(
    'query ($id: ID!, $after: String) { job(id: $id) { logs(after: $after) { entries { text } endOfLog } } }',
    { id, after: run?.logs.cursor },
  );
  expect(rest.job.logs).toEqual({ entries: [], endOfLog: true });
});

it('stops the job of a client that has gone, and not that of one that did not ask for it', async () => {
  const left = async (name: string, stop: boolean): Promise<string> => {
    const gone = new AbortController();
    const answer = fetch(server.url, {
      method: 'POST',
      signal: gone.signal,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
      body: JSON.stringify({
        query: RUN,
        variables: { input: { command: 'sleep 1000', name }, wait: '1h', stop },
      }),
    });
    const find = async () => {
      const { jobs } = await server.query<{ jobs: { nodes: { id: string; status: string }[] } }>(
        'query ($name: String!) { jobs(filter: { name: $name }) { nodes { id status } } }',
        { name },
      );
      return jobs.nodes[0];
    };
    await expect.poll(find).toMatchObject({ status: 'RUNNING' });
    gone.abort();
    await expect(answer).rejects.toThrow();
    return (await find())?.id ?? '';
  };
  const kept = await left('kept', false);
  const stopped = await left('stopped', true);
  expect((await server.ended(stopped)).status).toBe('STOPPED');
  expect((await server.job(kept)).status).toBe('RUNNING');
});
