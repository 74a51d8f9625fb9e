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
const ROUNDS = Number(process.env['CLOISTER_CHAOS_ROUNDS'] ?? 12);
const SEED = Number(process.env['CLOISTER_CHAOS_SEED'] ?? 1 + (Date.now() % 1_000_000));
/** The flags of an output frame, as opposed to a terminal size or a mark. */
const OUTPUT = 0;
const JOBS = 3;
/** These run in the cell of another job. */
const GUESTS = 2;

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
  /** In whose cell it runs; `undefined`: its own. */
  readonly host: Host | undefined;
  id: string | undefined;
  /** Whether its supervisor was killed. */
  orphaned: boolean;
}

/** A host: a job in whose cell others run. */
interface Host {
  id: string | undefined;
  orphaned: boolean;
}

const count = (counts: Record<string, number>, what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};

interface Received {
  STDOUT: string;
  STDERR: string;
  TERMINAL: string;
}

/** What a subscriber receives of a job's log, over all its connections. */
const follow = async (id: string, text: Received): Promise<void> => {
  const document = `subscription ($id: ID!, $after: String) {
    logs(jobId: $id, after: $after) { entries { stream text } cursor }
  }`;
  let after: string | undefined;
  await restartable.persist(async () => {
    for await (const data of server.subscribe(document, { id, after })) {
      const { logs } = data as {
        logs: { entries: { stream: keyof Received; text: string }[]; cursor: string };
      };
      for (const entry of logs.entries) text[entry.stream] += entry.text;
      after = logs.cursor;
    }
  });
};

/** Writes input piece by piece, and changes the size of a terminal meanwhile. */
const type = async (id: string, { typed = '', terminal }: ScriptedJob, random: Random): Promise<void> => {
  const bytes = Buffer.from(typed);
  const write = 'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }';
  const resize = 'mutation ($input: ResizeTerminalInput!) { resizeTerminal(input: $input) { job { id } } }';
  for (let offset = 0; offset < bytes.length; ) {
    const size = { jobId: id, rows: 1 + random(100), columns: 1 + random(200) };
    if (terminal !== undefined) await restartable.persist(() => server.query(resize, { input: size }));
    const text = bytes.toString('latin1', offset, offset + 1 + random(40_000));
    const endOfInput = terminal === undefined && offset + text.length === bytes.length;
    const input = { jobId: id, offset, text, endOfInput };
    const asked = () => server.query<{ writeStdin: { accepted: number } }>(write, { input });
    offset += (await restartable.persist(asked)).writeStdin.accepted;
  }
};

const isFinal = async (id: string): Promise<boolean> =>
  !['QUEUED', 'RUNNING'].includes((await restartable.persist(() => server.job(id))).status);

/**
 * Runs a script in the cell of another job. A request whose answer was lost may have been carried out.
 *
 * @returns `undefined` when that job has ended
 */
const execIn = async (host: Host, { input }: ScriptedJob, key: string): Promise<string | undefined> => {
  const { id: jobId } = host;
  if (jobId === undefined) return undefined;
  const document = 'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }';
  const variables = { input: { jobId, ...input, env: [{ name: 'KEY', value: key }] } };
  const made = async (): Promise<string | undefined> => {
    const { job } = await server.query<{ job: { execs: { id: string; env: { value: string }[] }[] } }>(
      'query ($jobId: ID!) { job(id: $jobId) { execs { id env { value } } } }',
      { jobId },
    );
    return job.execs.find(({ env }) => env.some(({ value }) => value === key))?.id;
  };
  return restartable.persist(async () => {
    const earlier = await made();
    if (earlier !== undefined) return earlier;
    const { data, errors } = await server.ask(document, variables);
    if (data !== null && data !== undefined)
      return (data as { execInJob: { job: { id: string } } }).execInJob.job.id;
    if (host.orphaned) return undefined;
    throw new Error(JSON.stringify(errors));
  });
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
  'supervisor of a cell with guests',
  'supervisor of a cell with guests',
];

const strike = (random: Random, actors: readonly Actor[], host: Host): void => {
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
    case 'supervisor of a cell with guests':
      if (host.id === undefined || !restartable.orphan(host.id)) return;
      host.orphaned = true;
      break;
    default: {
      // Any job that has a supervisor at this moment.
      const victims = [...actors.slice(first), ...actors.slice(0, first)];
      const victim = victims.find(({ id }) => id !== undefined && restartable.orphan(id));
      if (victim === undefined) return;
      victim.orphaned = true;
    }
  }
  count(strikes, what);
};

const act = async (actor: Actor, key: string, random: Random): Promise<void> => {
  const { script, host } = actor;
  const submit = () => restartable.persist(() => server.submit({ ...script.input, idempotencyKey: key }));
  const id = host === undefined ? await submit() : await execIn(host, script, key);
  if (id === undefined) return;
  actor.id = id;
  accepted.add(id);
  const received: Received = { STDOUT: '', STDERR: '', TERMINAL: '' };
  const followed = follow(id, received);
  followed.catch(() => undefined);
  if (script.typed !== undefined) {
    // What comes before the command has set its terminal up would be echoed.
    const began = () => Object.values(received).some((text) => text !== '');
    while (!began() && !(await isFinal(id))) await pause(5);
    await type(id, script, random).catch(async (error: unknown) => {
      const isKilled = actor.orphaned || host?.orphaned === true;
      // A program that has read enough ends by itself. When the answer to the last write is lost, the next request finds
      // the job ended; that nothing is missing is compared below.
      if (!isKilled && !(await isFinal(id))) throw new Error(`${script.name}, ${key}, ${id}: ${error}`);
    });
  }
  await followed;
  const job = await restartable.persist(() => server.ended(id));
  const killed = actor.orphaned || host?.orphaned === true;
  const what = `${script.name}, ${key}, ${id}${killed ? ', killed' : ''}: ${JSON.stringify(job)}`;
  const verdict = verdictOf(job);
  count(verdicts, `${host === undefined ? '' : 'guest: '}${verdict.replace(/^COMPLETED \d+$/, 'COMPLETED')}`);
  const right = [script.verdict];
  if (actor.orphaned) right.push('LOST');
  // A guest is killed with the cell, or comes too late.
  if (host?.orphaned === true) right.push('COMPLETED SIGKILL', 'FAILED');
  expect(right, what).toContain(verdict);
  const log = join(server.stateDir, 'jobs', id, 'log');
  // A guest that came too late never started, and has no files.
  const kept = verdict === 'FAILED' && !existsSync(log) ? [] : readFrames(readFileSync(log));
  const written = (stream: number): string => {
    const frames = kept.filter((frame) => frame.stream === stream && frame.flags === OUTPUT);
    return Buffer.concat(frames.map(({ bytes }) => bytes)).toString();
  };
  const { terminal = '' } = script;
  expect(
    received.STDOUT === written(1) && received.STDERR === written(2) && received.TERMINAL === written(3),
    `received as written: ${what}`,
  ).toBe(true);
  if (verdict === 'LOST') {
    expect(job, what).toMatchObject({ exitCode: null, signal: null });
    expect(job.error).toContain('its supervisor ended without recording the result');
  }
  if (verdict !== script.verdict) {
    // Then a log may end anywhere, but its content is correct; duplicates would be noticed too.
    expect(script.stdout.startsWith(received.STDOUT), what).toBe(true);
    expect(script.stderr.startsWith(received.STDERR), what).toBe(true);
    expect(terminal.startsWith(received.TERMINAL), what).toBe(true);
  } else {
    expect(
      received.TERMINAL === terminal,
      `${received.TERMINAL.length} of ${terminal.length} on the terminal, ${what}`,
    ).toBe(true);
    expect(
      received.STDOUT === script.stdout,
      `${received.STDOUT.length} of ${script.stdout.length}, ${what}`,
    ).toBe(true);
    // On a slow machine the timeout may expire before the shell writes its first word.
    if (verdict !== 'LIMIT_EXCEEDED TIME' || received.STDERR !== '')
      expect(received.STDERR, what).toBe(script.stderr);
  }
  // The cgroup of a guest is within that of its host.
  if (host !== undefined) return;
  expect(existsSync(cgroupOfJob(server, id)), what).toBe(false);
  // The same request is the same job, also after all that.
  expect(await submit(), what).toBe(id);
};

/** Keeps a job running until its guests have ended. */
const keepHost = async (
  host: Host,
  key: string,
  started: () => void,
  over: Promise<unknown>,
): Promise<void> => {
  const input = { command: 'exec sleep 1000', idempotencyKey: key };
  const id = await restartable.persist(() => server.submit(input));
  accepted.add(id);
  host.id = id;
  await restartable.persist(() => server.running(id));
  started();
  await over;
  const verdict = verdictOf(await restartable.persist(() => server.stop(id, 0)));
  expect(host.orphaned ? ['LOST', 'STOPPED'] : ['STOPPED'], `${key}, ${id}`).toContain(verdict);
  expect(existsSync(cgroupOfJob(server, id)), `${key}, ${id}`).toBe(false);
};

/** A script that needs no limits of its own, which a guest does not have. */
const guestScript = (random: Random): ScriptedJob => {
  for (;;) {
    const script = randomScriptedJob(random);
    if (!('limits' in script.input)) return script;
  }
};

const playRound = async (random: Random, round: number): Promise<void> => {
  const host: Host = { id: undefined, orphaned: false };
  const actors = Array.from({ length: JOBS + GUESTS }, (_, index): Actor => {
    const isGuest = index >= JOBS;
    const script = isGuest ? guestScript(random) : randomScriptedJob(random);
    return { script, host: isGuest ? host : undefined, id: undefined, orphaned: false };
  });
  const times = [0, ...some(random, 3, () => 0)].map(() => random(pick(random, [10, 50, 200, 700])));
  const { promise: hostStarted, resolve: startGuests } = Promise.withResolvers<void>();
  const acts = actors.map(async (actor, index) => {
    // The input is derived from the same random numbers in any order.
    const own = randomFrom(1 + random(1_000_000));
    if (actor.host !== undefined) await hostStarted;
    await act(actor, `chaos-${round}-${index}`, own);
  });
  const hosted = keepHost(host, `chaos-${round}-host`, startGuests, Promise.allSettled(acts));
  // If the host failed, the test would wait for its guests.
  hosted.catch(startGuests);
  const struck = times.map(async (time) => {
    await pause(time);
    strike(random, actors, host);
  });
  const settled = await Promise.allSettled([...acts, hosted, ...struck]);
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

    const late = new Set<string | undefined>();
    const changes = new Map<string, string[]>();
    for (const { job, status } of await following)
      changes.set(job.id, [...(changes.get(job.id) ?? []), status]);
    for (const id of [...accepted, last.id]) {
      const { status } = await server.job(id);
      // A guest may come too late.
      if (status === 'FAILED') late.add(id);
      const seen = status === 'FAILED' ? ['QUEUED', status] : ['QUEUED', 'RUNNING', status];
      expect(changes.get(id), id).toEqual(seen);
    }
    const { jobs } = await server.query<{ jobs: { totalCount: number } }>(
      '{ jobs(first: 1) { totalCount } }',
    );
    expect(accepted.size).toBeGreaterThanOrEqual(ROUNDS * (JOBS + 1));
    expect(jobs.totalCount).toBe(accepted.size + 2);
    expect(changes.size).toBe(accepted.size + 2);
    await expect.poll(() => snapshotSince(server, before)).toEqual(before);
    await server.end();
    await checkDatabase();
    // A server logs what it could not do for a job, as it should where that came too late.
    expect(server.faults.filter(({ jobId }) => !late.has(jobId))).toEqual([]);
  },
  60_000 + ROUNDS * 15_000,
);
