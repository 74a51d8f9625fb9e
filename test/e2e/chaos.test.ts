/** A server that is killed at random loses no job and runs none twice. */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFrames } from '../support/cell.ts';
import { verdictOf } from '../support/churn.ts';
import { pick, type Random, randomFrom, some } from '../support/random.ts';
import {
  cgroupOf,
  cgroupOfJob,
  killSpawners,
  snapshotAtRest,
  snapshotSince,
} from '../support/resource-snapshot.ts';
import { RestartableServer } from '../support/restartable-server.ts';
import { randomScriptedJob, type ScriptedJob } from '../support/scripted-job.ts';
import { TestServer } from '../support/server.ts';

// Every round has new jobs and kills; CLOISTER_CHAOS_SEED repeats what is chosen, not how the machine is timed.
const ROUNDS = Number(process.env['CLOISTER_CHAOS_ROUNDS'] ?? 20);
const SEED = Number(process.env['CLOISTER_CHAOS_SEED'] ?? 1 + (Date.now() % 1_000_000));
const JOBS = 5;

let server: TestServer;
let restartable: RestartableServer;
let cgroup: string;
/** Ids of the jobs whose submission was answered. */
const accepted = new Set<string>();
const strikes: Record<string, number> = {};
const verdicts: Record<string, number> = {};

beforeAll(async () => {
  server = await TestServer.start();
  restartable = new RestartableServer(server);
  cgroup = await cgroupOf(server);
});

afterAll(() => server.dispose());

interface Actor {
  readonly script: ScriptedJob;
  id: string | undefined;
  /** Its supervisor was killed. */
  orphaned: boolean;
}

const count = (counts: Record<string, number>, what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};

/** What a subscriber has received of a job's log, over all its connections. */
const follow = async (id: string): Promise<{ STDOUT: string; STDERR: string }> => {
  const text = { STDOUT: '', STDERR: '' };
  const document = `subscription ($id: ID!, $after: String) {
    logs(jobId: $id, after: $after) { entries { stream text } cursor }
  }`;
  let after: string | undefined;
  await restartable.persist(async () => {
    for await (const data of server.subscribe(document, { id, after })) {
      const { logs } = data as {
        logs: { entries: { stream: 'STDOUT' | 'STDERR'; text: string }[]; cursor: string };
      };
      for (const entry of logs.entries) text[entry.stream] += entry.text;
      after = logs.cursor;
    }
  });
  return text;
};

interface Event {
  readonly cursor: string;
  readonly status: string;
  readonly job: { readonly id: string };
}

/** Every change of every job, over all connections, until one called `last` has ended. */
const followEvents = async (): Promise<readonly Event[]> => {
  const events: Event[] = [];
  const document =
    'subscription ($after: String) { jobEvents(after: $after) { cursor status job { id name } } }';
  await restartable.persist(async () => {
    for await (const data of server.subscribe(document, { after: events.at(-1)?.cursor ?? '0' })) {
      const { jobEvents } = data as { jobEvents: Event & { readonly job: { readonly name: string | null } } };
      events.push(jobEvents);
      if (jobEvents.job.name === 'last' && jobEvents.status === 'COMPLETED') return;
    }
  });
  return events;
};

/** The database as the dead server left it: whole, and with every job that was answered for. */
const checkDatabase = async (): Promise<void> => {
  const known = [...accepted];
  const folder = mkdtempSync(join(tmpdir(), 'cloister-chaos-'));
  for (const name of ['cloister.db', 'cloister.db-wal'])
    if (existsSync(join(server.stateDir, name))) cpSync(join(server.stateDir, name), join(folder, name));
  const db = new Database(join(folder, 'cloister.db'));
  const integrity = db.pragma('integrity_check', { simple: true });
  const ids = new Set(db.prepare('SELECT id FROM jobs').pluck().all());
  db.close();
  rmSync(folder, { recursive: true });
  expect(integrity).toBe('ok');
  expect(known.filter((id) => !ids.has(id))).toEqual([]);
};

const STRIKES: readonly [string, ...string[]] = [
  'server',
  'server',
  'server twice',
  'server and spawner',
  'spawner',
  'supervisor',
  'supervisor',
];

const strike = (random: Random, actors: readonly Actor[]): void => {
  const what = pick(random, STRIKES);
  const [first, lifetime] = [random(actors.length), random(700)];
  switch (what) {
    case 'server':
      restartable.restart('SIGKILL', checkDatabase);
      break;
    case 'server twice':
      restartable.restart('SIGKILL', checkDatabase, [lifetime]);
      break;
    case 'server and spawner':
      killSpawners(cgroup);
      restartable.restart('SIGKILL', checkDatabase);
      break;
    case 'spawner':
      killSpawners(cgroup);
      break;
    default: {
      // Any that has one at this moment.
      const victims = [...actors.slice(first), ...actors.slice(0, first)];
      const victim = victims.find(({ id }) => id !== undefined && restartable.orphan(id));
      if (victim === undefined) return;
      victim.orphaned = true;
    }
  }
  count(strikes, what);
};

const act = async (actor: Actor, key: string): Promise<void> => {
  const { script } = actor;
  const submit = () => restartable.persist(() => server.submit({ ...script.input, idempotencyKey: key }));
  const id = await submit();
  actor.id = id;
  accepted.add(id);
  const received = await follow(id);
  const job = await restartable.persist(() => server.ended(id));
  const what = `${script.name}, ${key}, ${id}${actor.orphaned ? ', orphaned' : ''}: ${JSON.stringify(job)}`;
  const verdict = verdictOf(job);
  count(verdicts, verdict.replace(/^COMPLETED.*/, 'COMPLETED'));
  expect(actor.orphaned ? ['LOST', script.verdict] : [script.verdict], what).toContain(verdict);
  const kept = readFrames(readFileSync(join(server.stateDir, 'jobs', id, 'log')));
  const written = (stream: number): string =>
    Buffer.concat(kept.flatMap((frame) => (frame.stream === stream ? [frame.bytes] : []))).toString();
  expect(
    received.STDOUT === written(1) && received.STDERR === written(2),
    `received as written: ${what}`,
  ).toBe(true);
  if (verdict === 'LOST') {
    expect(job, what).toMatchObject({ exitCode: null, signal: null });
    expect(job.error).toContain('its supervisor ended without recording the result');
    // A log may end anywhere then, but all that is there is right: twice would show as well.
    expect(script.stdout.startsWith(received.STDOUT), what).toBe(true);
    expect(script.stderr.startsWith(received.STDERR), what).toBe(true);
  } else {
    expect(
      received.STDOUT === script.stdout,
      `${received.STDOUT.length} of ${script.stdout.length}, ${what}`,
    ).toBe(true);
    // On a slow machine the time may be over before the shell writes its first word.
    if (verdict !== 'LIMIT_EXCEEDED TIME' || received.STDERR !== '')
      expect(received.STDERR, what).toBe(script.stderr);
  }
  expect(existsSync(cgroupOfJob(server, id)), what).toBe(false);
  // The same request is the same job, also after all that.
  expect(await submit(), what).toBe(id);
};

const playRound = async (random: Random, round: number): Promise<void> => {
  const actors = Array.from(
    { length: JOBS },
    (): Actor => ({ script: randomScriptedJob(random), id: undefined, orphaned: false }),
  );
  const times = [0, ...some(random, 3, () => 0)].map(() => random(pick(random, [10, 50, 200, 700])));
  const acts = actors.map((actor, index) => act(actor, `chaos-${round}-${index}`));
  const struck = times.map(async (time) => {
    await pause(time);
    strike(random, actors);
  });
  const settled = await Promise.allSettled([...acts, ...struck]);
  await restartable.isUp();
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
};

it(
  `loses nothing in ${ROUNDS} rounds of kills (CLOISTER_CHAOS_SEED=${SEED})`,
  async () => {
    await server.run({ command: 'true' });
    const before = await snapshotAtRest(server);
    const random = randomFrom(SEED);
    const following = followEvents();
    for (let round = 0; round < ROUNDS; round++) await playRound(random, round);
    const last = await server.run({ command: 'true', name: 'last' });
    console.log({ strikes, verdicts });

    const changes = new Map<string, string[]>();
    for (const { job, status } of await following)
      changes.set(job.id, [...(changes.get(job.id) ?? []), status]);
    for (const id of [...accepted, last.id]) {
      const { status } = await server.job(id);
      expect(changes.get(id), id).toEqual(['QUEUED', 'RUNNING', status]);
    }
    const { jobs } = await server.query<{ jobs: { totalCount: number } }>(
      '{ jobs(first: 1) { totalCount } }',
    );
    expect(jobs.totalCount).toBe(ROUNDS * JOBS + 2);
    expect(changes.size).toBe(ROUNDS * JOBS + 2);
    await expect.poll(() => snapshotSince(server, before), { timeout: 30_000 }).toEqual(before);
    await server.end();
    await checkDatabase();
    // A server logs what it could not do for a job.
    expect(server.faults).toEqual([]);
  },
  60_000 + ROUNDS * 15_000,
);
