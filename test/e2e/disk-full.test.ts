/** A disk that is full. */

import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeParts, tar } from '../support/archives.ts';
import { IMAGES, testImage } from '../support/image.ts';
import { serveImage } from '../support/registry.ts';
import { type Answer, TestServer } from '../support/server.ts';
import { endSleep, sleepThen } from '../support/sleeper.ts';

const SIZE = '12m';

const FILES = 3000;

let folder: string;
let server: TestServer;

/** A server whose state folder is a small file system of its own, in a mount namespace of its own. */
beforeAll(async () => {
  await testImage();
  folder = mkdtempSync(join(tmpdir(), 'cloister-full-'));
  const state = join(folder, 'state');
  mkdirSync(state);
  const options = `size=${SIZE},nr_inodes=${FILES},mode=700`;
  const script = `set -e; mount -t tmpfs -o ${options} tmpfs "$1"; ln -s '${IMAGES}' "$1/images"; shift; exec "$@"`;
  const wrapper = ['unshare', '--mount', 'sh', '-c', script, 'sh', state];
  server = new TestServer(state, [], (command) => [...wrapper, ...command]);
  await server.boot();
});

afterAll(async () => {
  // A failed test may have left the disk full, so that no job could be stopped.
  for (const name of ['filler', 'many']) rmSync(inside(name), { recursive: true, force: true });
  await server.dispose();
  rmSync(folder, { recursive: true });
});

/** A path of the state folder, from outside. */
const inside = (...path: string[]): string => join(`/proc/${server.pid}/root`, server.stateDir, ...path);

const CHUNK = Buffer.alloc(4096);

/** Uses up a resource. */
const exhaust = (take: () => void): void => {
  for (;;) {
    try {
      take();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
      throw error;
    }
  }
};

/** Uses up all space. */
const fill = (): void => exhaust(() => writeFileSync(inside('filler'), CHUNK, { flag: 'a' }));

interface Log {
  readonly text: string;
  readonly dropped: number;
  readonly endOfLog: boolean;
}

/** The whole log of a job so far. */
const readLog = async (id: string): Promise<Log> => {
  const document = `query ($id: ID!, $after: String) {
    job(id: $id) { logs(after: $after) { entries { text } droppedBytes cursor endOfLog } }
  }`;
  let [text, dropped, after] = ['', 0, null as string | null];
  for (;;) {
    const { job } = await server.query<{
      job: {
        logs: { entries: { text: string }[]; droppedBytes: number; cursor: string; endOfLog: boolean };
      };
    }>(document, { id, after });
    const { entries, droppedBytes, cursor, endOfLog } = job.logs;
    text += entries.map((entry) => entry.text).join('');
    dropped += droppedBytes;
    if (entries.length === 0 || endOfLog) return { text, dropped, endOfLog };
    after = cursor;
  }
};

const isRunning = async (id: string): Promise<void> => {
  await expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');
};

/** The bytes of the lines that are missing from 1 up to the last one. */
const missing = (text: string): number => {
  const numbers = text.trimEnd().split('\n').map(Number);
  const there = new Set(numbers);
  expect(numbers).toEqual([...there].sort((one, other) => one - other));
  return ((numbers.at(-1) ?? 0) - numbers.length) * LINE;
};

/** How much a file grows while the job writes many lines. */
const growth = async (path: string): Promise<number> => {
  const { size } = statSync(path);
  await pause(500);
  return statSync(path).size - size;
};

/** Long lines, which soon use up the rest of a block. */
const COUNTER = 'i=0; while :; do i=$((i+1)); printf "%0200d\\n" $i; sleep 0.02; done';
const LINE = 201;

/** Begins when the disk is full, and writes more than the rest of a block has room for. */
const FLOOD = sleepThen('i=0; while [ $i -lt 1500 ]; do i=$((i+1)); seq 10; done; exit 6');
const FLOODED = 1500 * 21;

it('a full disk ends no job, is counted where output was lost, refuses new jobs, and is over when there is room', async () => {
  const wanted = { command: COUNTER, idempotencyKey: 'counter' };
  const counter = await server.submit(wanted);
  const flood = await server.submit({ command: FLOOD });
  const stopped = await server.submit({ command: "trap 'exit 5' TERM; while :; do sleep 0.1; done" });
  for (const id of [counter, flood, stopped]) await isRunning(id);
  await expect.poll(async () => (await readLog(counter)).text).toContain('2\n');
  const later = await server.submit({
    command: 'true',
    startAfter: new Date(Date.now() + 3000).toISOString(),
  });

  fill();
  const refused = await server.ask('mutation { submitJob(input: { command: "true" }) { job { id } } }');
  expect(refused.errors).toMatchObject([
    {
      message: 'the disk of the state folder is full: try again later',
      extensions: { code: 'STORAGE_FULL' },
    },
  ]);
  expect(await server.submit(wanted)).toBe(counter);
  // It continues, but its output is not kept.
  await expect.poll(() => growth(inside('jobs', counter, 'log'))).toBe(0);
  const before = await readLog(counter);
  expect((await server.job(counter)).status).toBe('RUNNING');
  await endSleep(inside('jobs', flood));
  // Others end. There is room for their records, and perhaps, with what these leave of it, for their ends.
  const ends = Promise.all([server.ended(flood), server.stop(stopped)]);
  const isRecorded = async (id: string): Promise<boolean> =>
    existsSync(inside('exits', id)) || ['COMPLETED', 'STOPPED'].includes((await server.job(id)).status);
  for (const id of [flood, stopped]) await expect.poll(() => isRecorded(id)).toBe(true);
  const waits = { jobId: later, msg: 'the disk is full: that it is FAILED waits to be stored' };
  const lines = () => {
    fill();
    return server.log;
  };
  await expect.poll(lines).toContainEqual(expect.objectContaining(waits));
  expect((await server.job(later)).status).toBe('QUEUED');

  rmSync(inside('filler'));
  expect(await ends).toMatchObject([
    { status: 'COMPLETED', exitCode: 6 },
    { status: 'STOPPED', exitCode: 5 },
  ]);
  expect(await server.ended(later)).toMatchObject({
    status: 'FAILED',
    error: expect.stringContaining('ENOSPC'),
  });
  const next = await server.run({ command: 'echo next' });
  expect(next).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  expect((await readLog(next.id)).text).toBe('next\n');
  await expect.poll(async () => (await readLog(counter)).text.length).toBeGreaterThan(before.text.length);
  await server.stop(counter, 0);
  const counted = await readLog(counter);
  expect(counted.dropped).toBeGreaterThan(0);
  expect(counted.dropped).toBe(missing(counted.text));
  // Its last bytes were lost, and that could be recorded: its exit record leaves some room.
  const flooded = await readLog(flood);
  expect(flooded.endOfLog).toBe(true);
  expect(flooded.dropped).toBeGreaterThan(0);
  expect(flooded.text.length + flooded.dropped).toBe(FLOODED);

  const copy = join(folder, 'copy.db');
  for (const suffix of ['', '-wal'])
    if (existsSync(inside(`cloister.db${suffix}`)))
      cpSync(inside(`cloister.db${suffix}`), `${copy}${suffix}`);
  const db = new Database(copy);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
});

it('without inodes no job is accepted, and one that was before fails without a path of the host', async () => {
  const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
  const later = await server.submit({
    command: 'true',
    startAfter: new Date(Date.now() + 1500).toISOString(),
  });
  mkdirSync(inside('many'));
  let made = 0;
  exhaust(() => {
    writeFileSync(inside('many', String(made)), '');
    made += 1;
  });
  const { errors } = await server.ask(document, { input: { command: 'true' } });
  expect(errors).toMatchObject([{ extensions: { code: 'STORAGE_FULL' } }]);
  expect(await server.ended(later)).toMatchObject({
    status: 'FAILED',
    error: 'the job could not be started: its folder could not be made: no space left on device (ENOSPC)',
  });
  rmSync(inside('many'), { recursive: true });
  expect(await server.run({ command: 'true' })).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
});

it('an image is refused, and nothing is left of it', async () => {
  const upload = async (bytes: number): Promise<Answer> => {
    const body = tar([{ path: 'random', content: randomBytes(bytes) }]);
    const response = await fetch(new URL('images/large', server.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.token}` },
      body: new Uint8Array(body),
    });
    return (await response.json()) as Answer;
  };
  const layers = () => readdirSync(inside('layers'));
  // The archive alone is too large, even before it is unpacked.
  for (const bytes of [16 << 20, 7 << 20]) {
    const { errors } = await upload(bytes);
    expect(errors, `${bytes} bytes`).toMatchObject([{ extensions: { code: 'STORAGE_FULL' } }]);
    expect(layers()).toEqual([]);
  }
  expect((await upload(1 << 20)).errors).toBeUndefined();
  expect(layers().length).toBeGreaterThan(0);
});

/** Everything in a folder of the state folder. */
const tree = (name: string): readonly string[] =>
  readdirSync(inside(name), { recursive: true, encoding: 'utf8' }).toSorted();

it('a file is refused as soon as it has used up the disk, and nothing is left of it', async () => {
  const upload = (path: string, bytes: number): Promise<Answer> =>
    new Promise((resolve, reject) => {
      // Without a length, so that the server cannot know the size in advance.
      const sending = request(new URL(path, server.url), {
        method: 'PUT',
        headers: { authorization: `Bearer ${server.token}`, 'transfer-encoding': 'chunked' },
      });
      sending.on('response', (response) => json(response).then((body) => resolve(body as Answer), reject));
      // It is refused before all of it has been sent.
      sending.on('error', () => undefined);
      sending.end(randomBytes(bytes));
    });
  const before = tree('files');
  for (const path of ['files', `files/${'0'.repeat(64)}`]) {
    const { errors } = await upload(path, 16 << 20);
    expect(errors, path).toMatchObject([{ extensions: { code: 'STORAGE_FULL' } }]);
    expect(tree('files')).toEqual(before);
  }
  expect((await upload('files', 1 << 20)).errors).toBeUndefined();
});

it('an artifact that does not fit has an error, and those that fit are kept', async () => {
  const id = await server.submit({
    command: 'head -c 20000000 /dev/urandom > /tmp/large; echo small > /tmp/small',
    artifacts: [{ path: '/tmp/large' }, { path: '/tmp/small' }],
  });
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  const { job } = await server.query<{ job: { artifacts: readonly object[] } }>(
    `{ job(id: "${id}") { artifacts { name size error } } }`,
  );
  expect(job.artifacts).toEqual([
    { name: 'large', size: null, error: 'DISK_FULL' },
    { name: 'small', size: 6, error: null },
  ]);
  expect(tree(join('jobs', id, 'artifacts'))).toEqual(['1']);
});

it('no image is made of a job whose layer does not fit, and the job is not affected', async () => {
  const save = (jobId: string) =>
    server.ask('mutation ($input: SaveImageInput!) { saveImage(input: $input) { image { name } } }', {
      input: { jobId, name: 'saved' },
    });
  const before = tree('layers');
  const paused = await server.submit({
    command: 'head -c 20000000 /dev/urandom > /made; echo made; read _; test -s /made && echo still there',
    openStdin: true,
  });
  await expect.poll(async () => (await readLog(paused)).text).toBe('made\n');
  await server.query(`mutation { pauseJob(input: { jobId: "${paused}" }) { job { id } } }`);
  expect((await save(paused)).errors).toMatchObject([{ extensions: { code: 'STORAGE_FULL' } }]);
  expect(tree('layers')).toEqual(before);
  await server.query(`mutation { resumeJob(input: { jobId: "${paused}" }) { job { id } } }`);
  await server.query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', {
    input: { jobId: paused, offset: 0, text: '\n', endOfInput: true },
  });
  expect(await server.ended(paused)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  // One whose root was to be kept when it ended.
  const ended = await server.submit({ command: 'head -c 20000000 /dev/urandom > /made', keepRoot: true });
  expect(await server.ended(ended)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  expect((await save(ended)).errors?.map(({ message }) => message)).toEqual([
    expect.stringContaining('whose changes could be kept: on the disk'),
  ]);
  expect(tree(join('jobs', ended))).not.toContain('layer');
  expect(tree('layers')).toEqual(before);
});

it('an image that is pulled is refused, and nothing is left of it', async () => {
  using registry = await serveImage(makeParts([tar([{ path: 'random', content: randomBytes(16 << 20) }])]));
  const before = tree('layers');
  const { errors } = await server.ask(
    'mutation ($r: String!) { pullImage(input: { reference: $r }) { image { name } } }',
    { r: registry.reference },
  );
  expect(errors).toMatchObject([{ extensions: { code: 'STORAGE_FULL' } }]);
  expect(tree('layers')).toEqual(before);
});
