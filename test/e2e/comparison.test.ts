/** The README's table that compares Cloister with other programs: each row says what a real server does. */

import { verify } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { tableOf } from '../docs/documents.ts';
import { tar } from '../support/archives.ts';
import { type JobFields, TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('--max-running', '2', '--max-queued', '3');
});

afterAll(() => server.dispose());

interface Entry {
  readonly cursor: string;
  readonly stream: string;
  readonly time: string;
  readonly text: string;
}

const LOGS = `subscription ($id: ID!, $after: String) {
  logs(jobId: $id, after: $after) { entries { cursor stream time text } }
}`;

const entriesOf = async (id: string, after?: string): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for await (const data of server.subscribe(LOGS, { id, after }))
    entries.push(...(data as { logs: { entries: Entry[] } }).logs.entries);
  return entries;
};

const textOf = (entries: readonly Entry[]): string => entries.map(({ text }) => text).join('');

const refusal = async (input: Record<string, unknown>): Promise<unknown> =>
  (
    await server.ask('mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }', {
      input,
    })
  ).errors?.[0]?.extensions?.['code'];

/** Jobs that take all places, until they are stopped. */
const occupied = async <T>(act: () => Promise<T>): Promise<T> => {
  const held = await Promise.all([1, 2].map(() => server.submit({ command: 'sleep 1000' })));
  for (const id of held) await server.running(id);
  try {
    return await act();
  } finally {
    for (const id of held) await server.stop(id, 0);
  }
};

const isolationOf = async (id: string) =>
  (
    await server.query<{
      job: { isolation: { seccomp: string; uidMap: { outside: number; count: number }[] } };
    }>('query ($id: ID!) { job(id: $id) { isolation { seccomp uidMap { outside count } } } }', { id })
  ).job.isolation;

/** For each row: its claim about Cloister, and the proof. `null` where the claim is that a feature is missing. */
const ROWS: Readonly<
  Record<string, { readonly says: string; readonly shows: (() => Promise<void>) | null }>
> = {
  API: {
    says: 'GraphQL: HTTP, SSE, WebSocket',
    shows: async () => {
      const id = await server.submit({ command: 'echo one; exit 3' });
      expect(textOf(await entriesOf(id))).toBe('one\n');
      expect(await server.query('query ($id: ID!) { job(id: $id) { id } }', { id })).toEqual({
        job: { id },
      });
      const client = createClient({
        url: server.url.replace('http', 'ws'),
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${server.token}` },
      });
      let text = '';
      for await (const { data } of client.iterate<{ logs: { entries: Entry[] } }>({
        query: LOGS,
        variables: { id },
      }))
        text += textOf(data?.logs.entries ?? []);
      await client.dispose();
      expect(text).toBe('one\n');
    },
  },
  'jobs survive a crash of the server': {
    says: 'yes',
    shows: async () => {
      const id = await server.submit({ command: 'echo before; read line; echo "$line"', openStdin: true });
      await server.running(id);
      await server.end('SIGKILL');
      await server.boot();
      expect((await server.job(id)).status).toBe('RUNNING');
      await server.query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', {
        input: { jobId: id, offset: 0, text: 'after\n', endOfInput: true },
      });
      expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
      expect(textOf(await entriesOf(id))).toBe('before\nafter\n');
    },
  },
  'follow output live': {
    says: 'yes',
    shows: async () => {
      const id = await server.submit({ command: 'echo now; sleep 1000' });
      for await (const data of server.subscribe(LOGS, { id })) {
        const { entries } = (data as { logs: { entries: Entry[] } }).logs;
        if (entries.length === 0) continue;
        expect(textOf(entries)).toBe('now\n');
        break;
      }
      expect(await server.stop(id, 0)).toMatchObject({ status: 'STOPPED' });
    },
  },
  'resume a log without gap or duplicate': {
    says: 'from a cursor',
    shows: async () => {
      const id = await server.submit({ command: 'for n in 1 2 3 4; do echo $n; sleep 0.02; done' });
      const entries = await entriesOf(id);
      const [first] = entries;
      expect(textOf(entries)).toBe('1\n2\n3\n4\n');
      expect(`${first?.text}${textOf(await entriesOf(id, first?.cursor))}`).toBe('1\n2\n3\n4\n');
    },
  },
  'one order of stdout and stderr, with times': {
    says: 'yes',
    shows: async () => {
      const lines = ['1', '2', '3'].flatMap((n) => [
        [`echo ${n}`, `${n}\n`] as const,
        [`echo ${n} >&2`, `${n}\n`] as const,
      ]);
      const { id, ended } = await server.submitInTurn(lines);
      await ended;
      const entries = await entriesOf(id);
      expect(entries.map(({ stream, text }) => `${stream} ${text}`)).toEqual(
        ['1', '2', '3'].flatMap((n) => [`STDOUT ${n}\n`, `STDERR ${n}\n`]),
      );
      const times = entries.map(({ time }) => time);
      expect(times).toEqual(times.toSorted());
    },
  },
  'history of jobs': {
    says: 'SQLite: filter, page, retention',
    shows: async () => {
      for (const n of [1, 2, 3]) await server.run({ command: 'true', name: `history-${n}`, labels: LABELS });
      const page = async (after: string | null): Promise<Page> =>
        (
          await server.query<{ jobs: Page }>(
            `query ($after: String) { jobs(first: 2, after: $after, filter: { label: { key: "of", value: "history" } }) {
                nodes { name } pageInfo { hasNextPage endCursor } } }`,
            { after },
          )
        ).jobs;
      const first = await page(null);
      const second = await page(first.pageInfo.endCursor);
      expect([...first.nodes, ...second.nodes].map(({ name }) => name)).toEqual([
        'history-3',
        'history-2',
        'history-1',
      ]);
      expect(second.pageInfo.hasNextPage).toBe(false);
      const database = openSync(join(server.stateDir, 'cloister.db'), 'r');
      const magic = Buffer.alloc(15);
      readSync(database, magic, 0, magic.length, 0);
      closeSync(database);
      expect(magic.toString()).toBe('SQLite format 3');
    },
  },
  queue: {
    says: 'bounded, with priorities, on disk',
    shows: () =>
      occupied(async () => {
        const low = await server.submit({ command: 'true', priority: -1 });
        const high = await server.submit({ command: 'true', priority: 1 });
        await server.submit({ command: 'true' });
        expect(await refusal({ command: 'true' })).toBe('QUEUE_FULL');
        await server.end('SIGKILL');
        await server.boot();
        const positions = await Promise.all(
          [high, low].map(
            async (id) =>
              (
                await server.query<{ job: { queue: { position: number } } }>(
                  'query ($id: ID!) { job(id: $id) { queue { position } } }',
                  { id },
                )
              ).job.queue.position,
          ),
        );
        expect(positions).toEqual([1, 3]);
      }),
  },
  'safe to repeat a submission': {
    says: 'idempotency key',
    shows: async () => {
      const input = { command: 'true', idempotencyKey: 'once' };
      expect(await server.submit(input)).toBe(await server.submit(input));
      expect(await refusal({ ...input, command: 'false' })).toBe('IDEMPOTENCY_CONFLICT');
    },
  },
  'limit of wall time': {
    says: 'yes, on by default',
    shows: async () => {
      const unasked = await server.run({ command: 'true' });
      expect(unasked.limits['timeout']).toBe(3_600_000);
      expect(await server.run({ command: 'sleep 1000', limits: { timeout: '50ms' } })).toMatchObject({
        status: 'LIMIT_EXCEEDED',
        limitExceeded: 'TIME',
      });
    },
  },
  'limit of CPU time': {
    says: 'of all processes together',
    shows: async () => {
      // Two seconds of work, of processes that take a hundredth of it each.
      const command = 'for n in $(seq 200); do head -c 100000000 /dev/zero; done >/dev/null';
      expect(await server.run({ command, limits: { cpuTime: '400ms' } })).toMatchObject({
        status: 'LIMIT_EXCEEDED',
        limitExceeded: 'CPU_TIME',
      });
    },
  },
  'reason of the end': {
    says: "typed, with the kernel's counters",
    shows: async () => {
      const job = await server.run({ command: 'while :; do :; done', limits: { cpuTime: '100ms' } });
      expect(job.limitsHit).toMatchObject([
        { limit: 'cpuTime', ended: true, evidence: [{ file: 'cpu.stat', key: 'usage_usec' }] },
      ]);
    },
  },
  'signed statement of what ran': {
    says: '[receipts](docs/receipts.md), checked offline',
    shows: async () => {
      const { id } = await server.run({ command: 'echo signed' });
      const { job, receiptKeys } = await server.query<{
        job: { receipt: { envelope: string; keyId: string } };
        receiptKeys: { keyId: string; publicKey: string }[];
      }>('query ($id: ID!) { job(id: $id) { receipt { envelope keyId } } receiptKeys { keyId publicKey } }', {
        id,
      });
      const { payload, payloadType, signatures } = JSON.parse(job.receipt.envelope);
      const statement = Buffer.from(payload, 'base64');
      // The bytes that are signed, by the protocol of DSSE.
      const prefix = `DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} `;
      const key = receiptKeys.find((one) => one.keyId === job.receipt.keyId)?.publicKey ?? '';
      const signature = Buffer.from(signatures[0].sig, 'base64');
      const check = (bytes: Buffer): boolean =>
        verify(null, Buffer.concat([Buffer.from(prefix), bytes]), key, signature);
      expect(check(statement)).toBe(true);
      expect(check(Buffer.from(statement.toString().replace('echo signed', 'echo forged')))).toBe(false);
    },
  },
  'user namespace': {
    says: 'always, ids of its own for each job',
    shows: async () => {
      const ids = await Promise.all([1, 2].map(() => server.submit({ command: 'echo up; sleep 1000' })));
      for (const id of ids) await server.running(id);
      const maps = await Promise.all(ids.map(async (id) => (await isolationOf(id)).uidMap));
      const [one, other] = maps.map(([map]) => map);
      expect(Math.abs((one?.outside ?? 0) - (other?.outside ?? 0))).toBeGreaterThanOrEqual(65_536);
      expect(one?.count).toBe(65_536);
      for (const id of ids) await server.stop(id, 0);
    },
  },
  'seccomp filter': {
    says: 'always',
    shows: async () => {
      for (const capabilities of ['NONE', 'ROOT_IN_CELL'])
        expect((await isolationOf((await server.run({ command: 'true', capabilities })).id)).seccomp).toBe(
          'FILTER',
        );
    },
  },
  images: {
    says: 'Alpine, and [archives](docs/images.md) of any other',
    shows: async () => {
      const response = await fetch(new URL('images/mine', server.url), {
        method: 'PUT',
        headers: { authorization: `Bearer ${server.token}` },
        body: new Uint8Array(tar([{ path: 'etc/mine', content: 'mine' }])),
      });
      expect(response.status).toBe(201);
      const { images } = await server.query<{ images: { name: string }[] }>('{ images { name } }');
      expect(images.map(({ name }) => name)).toEqual(expect.arrayContaining(['alpine', 'mine']));
    },
  },
  'network for jobs': {
    says: 'none',
    shows: async () => {
      const { id } = await server.run({
        command: 'tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route',
      });
      const [first, ...rest] = textOf(await entriesOf(id))
        .trim()
        .split('\n');
      expect(first).toBe('lo');
      // The heading of the routes, and none.
      expect(rest).toEqual([expect.stringContaining('Iface')]);
    },
  },
  'interactive terminal, exec': {
    says: 'yes',
    shows: async () => {
      const id = await server.submit({
        command: 'tty; stty size; sleep 1000',
        terminal: { rows: 30, columns: 100 },
      });
      await server.running(id);
      const { execInJob } = await server.query<{ execInJob: { job: { id: string } } }>(
        'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }',
        { input: { jobId: id, argv: ['cat', '/proc/1/comm'] } },
      );
      const inside: JobFields = await server.ended(execInJob.job.id);
      expect(inside).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
      await server.stop(id, 0);
      expect(textOf(await entriesOf(id))).toMatch(/^\/dev\/pts\/0\r\n30 100\r\n/);
    },
  },
  'more than one machine': { says: 'no', shows: null },
};

const LABELS = [{ key: 'of', value: 'history' }];

interface Page {
  readonly nodes: readonly { readonly name: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

const TABLE = tableOf('README.md', '| | Cloister | `docker run` | go-judge | Nomad `exec` |');

it('has a row for each claim, and a cell for each program', () => {
  expect(TABLE.map(([row]) => row)).toEqual(Object.keys(ROWS));
  for (const cells of TABLE) expect(cells.filter((cell) => cell !== '')).toHaveLength(5);
});

it.each(TABLE.map(([row = '', cell = '']) => ({ row, cell })))('is correct: $row', async ({ row, cell }) => {
  // A new row, or a changed claim, needs a proof.
  expect(cell).toBe(ROWS[row]?.says);
  await ROWS[row]?.shows?.();
});
