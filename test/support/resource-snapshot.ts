/** The resources of the machine that a server holds, to compare before and after. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { plannedCgroup } from '../../src/runtime/protocol/plan.ts';
import type { TestServer } from './server.ts';

const PAUSE_MS = 10;

/** The cgroup below which a server keeps those of its jobs and of its supervisors. */
export const cgroupOf = async (server: TestServer): Promise<string> => {
  const { server: info } = await server.query<{ server: { cgroup: { path: string } } }>(
    '{ server { cgroup { path } } }',
  );
  return info.cgroup.path;
};

/**
 * The resources of the machine that a server and its cells hold. Cells that wait for a job are left out, as there are
 * more or fewer of them by what ran lately: each has a cgroup, a supervisor and a descriptor of the spawner, and is in
 * the metrics.
 */
export interface ResourceSnapshot {
  /** Of the server and of its spawner. */
  readonly descriptors: readonly number[];
  readonly mounts: number;
  /** Names of the cgroups of jobs; a process of a cell is in one of them. */
  readonly cgroups: readonly string[];
  /** Cgroups of prepared cells of which the metrics know nothing. */
  readonly unknownCells: number;
  /** Exit records that have not been collected. */
  readonly records: readonly string[];
  /** What is in the supervisors' cgroup: the spawner, and supervisors. */
  readonly supervisors: number;
  /** Names of what is in the folders of jobs. */
  readonly files: readonly string[];
}

export const snapshotResources = async (server: TestServer): Promise<ResourceSnapshot> => {
  const cgroup = await cgroupOf(server);
  const jobs = join(server.stateDir, 'jobs');
  const waiting = await preparedCells(server);
  const cgroups = readdirSync(join(cgroup, 'jobs'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const supervisors = processesIn(join(cgroup, 'supervisors'));
  const folders = readdirSync(jobs).filter((name) => !isPrepared(name));
  return {
    descriptors: [descriptors(server.pid), descriptors(spawnerOf(cgroup)) - waiting],
    mounts: mountsOf(server),
    cgroups: cgroups.filter((name) => !isPrepared(name)),
    unknownCells: cgroups.filter(isPrepared).length - waiting,
    records: readdirSync(join(server.stateDir, 'exits')),
    supervisors: supervisors.length - waiting,
    files: [...new Set(folders.flatMap((id) => readdirSync(join(jobs, id))))].sort(),
  };
};

const isPrepared = (name: string): boolean => /^\.?prepared-/.test(name);

/** How many mounts a server sees, but those that other tests have below folders of their own; proc_pid_mountinfo(5). */
const mountsOf = ({ pid, stateDir }: TestServer): number =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(stateDir) || !path.startsWith(join(tmpdir(), '/'))).length;

/**
 * The same, once the supervisors of jobs that have ended are gone and server and spawner have closed what belonged to
 * them: for a server that runs no job.
 */
export const snapshotAtRest = async (server: TestServer): Promise<ResourceSnapshot> => {
  const spawner = spawnerOf(await cgroupOf(server));
  let before: ResourceSnapshot | undefined;
  for (;;) {
    const snapshot = await snapshotResources(server);
    const rests =
      snapshot.supervisors === 1 &&
      snapshot.unknownCells === 0 &&
      snapshot.cgroups.length === 0 &&
      childrenOf(spawner) === (await preparedCells(server));
    // The request of a snapshot goes through the event loop of the server, and with it the end of a connection.
    if (rests && isDeepStrictEqual(snapshot, before)) return snapshot;
    before = rests ? snapshot : undefined;
    await pause(PAUSE_MS);
  }
};

/**
 * The resources that a server holds, for comparison with those that it held before. Fewer descriptors count as as many:
 * of what was being closed then, nobody says when it is.
 */
export const snapshotSince = async (
  server: TestServer,
  before: ResourceSnapshot,
): Promise<ResourceSnapshot> => {
  const now = await snapshotResources(server);
  const descriptors = now.descriptors.map((count, index) => Math.max(count, before.descriptors[index] ?? 0));
  return { ...now, descriptors };
};

/** How many cells of a server wait for a job. */
export const preparedCells = async (server: TestServer): Promise<number> => {
  const headers = { authorization: `Bearer ${server.token}` };
  const page = await (await fetch(new URL('/metrics', server.url), { headers })).text();
  return Number(/^cloister_cells_prepared (\d+)$/m.exec(page)?.[1]);
};

/** The cgroup of a job that has a cell. It may be that of a prepared cell, which has another name. */
export const cgroupOfJob = (server: TestServer, id: string): string => {
  const path = plannedCgroup(readFileSync(join(server.stateDir, 'jobs', id, 'plan')));
  if (path === undefined) throw new Error(`job ${id} has no cgroup`);
  return path;
};

/** How many children a process has, those included that it has not waited for; proc(5) `children`. */
const childrenOf = (pid: number): number =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length;

/**
 * The spawners of the server of a cgroup: one, or for a moment that of a server before it as well. What a spawner has
 * just forked has its name for a moment, and is none.
 */
export const spawnersOf = (cgroup: string): number[] => {
  const named = processesIn(join(cgroup, 'supervisors')).filter((pid) => nameOf(pid) === 'cell-spawner');
  return named.filter((pid) => !named.includes(parentOf(pid)));
};

/**
 * Kills the spawners of a cgroup, and no supervisor. A process that a spawner has forked has its name until it takes its
 * own, before it claims its job, and could do both between a look at the name and the kill: so each is looked at again
 * when it is stopped.
 */
export const killSpawners = (cgroup: string): void => {
  for (const pid of spawnersOf(cgroup)) {
    signal(pid, 'SIGSTOP');
    // It stops on its way out of the kernel. Nothing else is to happen here before it is killed.
    while (!RESTS.has(stateOf(pid)));
    signal(pid, nameOf(pid) === 'cell-spawner' ? 'SIGKILL' : 'SIGCONT');
  }
};

/** Stopped, dead or gone: it makes no more system calls; proc_pid_stat(5) `state`. */
const RESTS = new Set(['T', 'Z', 'X', '']);

/** Sends a signal to a process that may be gone. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
};

/**
 * The spawner that serves the server of a cgroup.
 *
 * @throws Error when there is none
 */
export const spawnerOf = (cgroup: string): number => {
  const [spawner] = spawnersOf(cgroup);
  if (spawner === undefined) throw new Error(`no spawner in ${cgroup}`);
  return spawner;
};

/** The name of a process; '' for one that has ended. */
const nameOf = (pid: number): string => about(pid, 'comm').trimEnd();

/** The state of a process, a letter; '' for one that has ended. */
const stateOf = (pid: number): string => /.*\) (\w)/s.exec(about(pid, 'stat'))?.[1] ?? '';

/** The parent of a process; 0 for that of one that has ended. */
const parentOf = (pid: number): number => Number(/.*\) \w (\d+)/s.exec(about(pid, 'stat'))?.[1] ?? 0);

/** A file of a process in /proc; '' for one that has ended. */
const about = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
};

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

const processesIn = (cgroup: string): number[] =>
  readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number);

/** Open files of a process, without its TCP connections: those are the test's own, kept for reuse. */
const descriptors = (pid: number): number => {
  const tcp = readFileSync(`/proc/${pid}/net/tcp`, 'utf8');
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${fd}`))?.[1];
    return inode === undefined || !tcp.includes(` ${inode} `);
  }).length;
};

/** Where a link leads; one that was closed meanwhile leads nowhere. */
const target = (link: string): string => {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};
