/** Failing and interrupted system calls of the launcher, and its death at each of them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasErrno } from '../../src/errno.ts';
import { type Effect, FaultPlan } from '../support/faults.ts';
import {
  cgroupOf,
  cgroupOfJob,
  preparedCells,
  type ResourceSnapshot,
  snapshotAtRest,
  snapshotResources,
  snapshotSince,
  spawnersOf,
} from '../support/resource-snapshot.ts';
import { type JobFields, TestServer } from '../support/server.ts';
import { type Call, type Fault, Strace } from '../support/strace.ts';

// Every system call that the launcher makes for a job, from the spawner to the command, fails or is its last one, each
// in a job of its own. By default a part of them, chosen by a seed; "make faults" takes every one.
let faults: FaultPlan;

const INPUT = { argv: ['echo', 'out'] };
/** Its output, also on a terminal. */
const OUT = 'out\n';
const SHOWN = 'out\r\n';
/** The job in whose cell the others run; `undefined`: each has its own. */
let host: string | undefined;
const PATIENCE_MS = 20_000;

let server: TestServer;
let cgroup: string;
/** How many cells the server prepares. */
let prepared: number;

/**
 * Starts a server for the tests of a group.
 *
 * @param isHosted the commands run in the cell of another job, on a terminal
 */
const withServer = (cells: number, isHosted = false): void => {
  beforeAll(async () => {
    server = await TestServer.start('--prepared-cells', String(cells));
    await server.run(INPUT);
    host = isHosted ? await server.submit({ argv: ['sleep', '1000'] }) : undefined;
    if (host !== undefined) await server.running(host);
    cgroup = await cgroupOf(server);
    prepared = cells;
    faults = new FaultPlan();
    faults.learn((await traced()).calls);
  });
  afterAll(() => server.dispose());
};

/** The spawner, once there is exactly one. */
const spawner = async (): Promise<number> => {
  for (;;) {
    const [pid, ...others] = spawnersOf(cgroup);
    if (pid !== undefined && others.length === 0) return pid;
    if (pid === undefined) await server.run({ command: 'true' });
    await pause(5);
  }
};

/** Starts the command of which calls fail. */
const begin = async (): Promise<string> => {
  if (host === undefined) return server.submit(INPUT);
  const { execInJob } = await server.query<{ execInJob: { job: { id: string } } }>(
    'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }',
    { input: { jobId: host, ...INPUT, terminal: { rows: 24, columns: 80 } } },
  );
  return execInJob.job.id;
};

/** What a job wrote to its standard output, or to its terminal. */
const outputOf = async (id: string): Promise<string> => {
  const { job } = await server.query<{ job: { logs: { entries: { stream: string; text: string }[] } } }>(
    'query ($id: ID!) { job(id: $id) { logs { entries { stream text } } } }',
    { id },
  );
  const entries = job.logs.entries.filter(({ stream }) => stream !== 'STDERR');
  return entries.map(({ text }) => text).join('');
};

/** What the server holds while nothing but the host runs. */
const snapshotBetween = async (): Promise<ResourceSnapshot> => {
  if (host === undefined) return snapshotAtRest(server);
  for (let before = await snapshotResources(server); ; ) {
    const now = await snapshotResources(server);
    if (now.supervisors === 2 && isDeepStrictEqual(now, before)) return now;
    before = now;
    await pause(10);
  }
};

/** Waits until the cells for the next jobs are prepared. */
const prepare = async (): Promise<void> => {
  while ((await preparedCells(server)) < prepared) {
    // After a failure this takes a while.
    await server.run(INPUT);
    await pause(50);
  }
  if (prepared > 0) await snapshotAtRest(server);
};

/** The pids of the children of a process as the kernel lists them; none when it has exited, as it may have after a fault. */
const childrenOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
};

/** The living descendants of a process. */
const descendants = (pid: number): readonly number[] => {
  return childrenOf(pid)
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .flatMap((child) => [child, ...descendants(child)]);
};

/** Runs a job with the launcher traced, which meanwhile prepares the cell of the next one. */
const traced = async (fault?: Fault): Promise<{ job: JobFields; calls: readonly Call[] }> => {
  await prepare();
  const pid = await spawner();
  const waiting = prepared > 0 ? descendants(pid) : [];
  const strace = await Strace.toFamilies([pid, ...waiting], fault);
  try {
    const id = await begin();
    const late = pause(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`job ${id} has no end: ${JSON.stringify(fault)}`);
    });
    const job = await Promise.race([server.ended(id), late]);
    // Until the next cell has been prepared, or could not be.
    while (
      prepared > 0 &&
      spawnersOf(cgroup).flatMap(descendants).length !== 2 * (await preparedCells(server))
    )
      await pause(5);
    return { job, calls: await strace.end() };
  } catch (error) {
    await strace.end();
    throw error;
  }
};

/** The errors in the end of a job that met a fault, and what is left of the job. */
const wrong = async (fault: Fault, check: (job: JobFields, stdout: string) => unknown): Promise<string[]> => {
  const { job } = await traced(fault);
  const stdout = await outputOf(job.id);
  const found: unknown[] = [check(job, stdout)];
  if (leavesCgroup(job.id)) found.push('its cgroup is left');
  const left = readdirSync(join(server.stateDir, 'jobs', job.id));
  if (left.some((name) => !KEPT.has(name))) found.push(`left in its folder: ${left}`);
  // The server removes it right after it has stored the end.
  if (!(await isRemoved(join(server.stateDir, 'exits', job.id)))) found.push('its record is left');
  const { status, exitCode, error } = job;
  return found
    .filter((one) => typeof one === 'string')
    .map((one) => `${one}: ${JSON.stringify({ ...fault, status, exitCode, error, stdout })}`);
};

const isRemoved = async (path: string): Promise<boolean> => {
  for (const until = Date.now() + PATIENCE_MS; existsSync(path); await pause(5))
    if (Date.now() > until) return false;
  return true;
};

const leavesCgroup = (id: string): boolean => {
  if (host === undefined) return existsSync(cgroupOfJob(server, id));
  const inHost = readdirSync(cgroupOfJob(server, host), { withFileTypes: true });
  return inHost.some((entry) => entry.isDirectory());
};

const KEPT = new Set(['plan', 'log', 'index', 'started', 'isolation']);

const sweep = async (
  some: readonly Fault[],
  check: (job: JobFields, stdout: string) => unknown,
): Promise<void> => {
  const before = await snapshotBetween();
  const found: string[] = [];
  for (const fault of some) found.push(...(await wrong(fault, check)));
  expect(found, `seed ${faults.seed}`).toEqual([]);
  await prepare();
  await expect
    .poll(async () => ({ ...(await snapshotSince(server, before)), files: [] }), { timeout: PATIENCE_MS })
    .toEqual({ ...before, files: [] });
  expect(await server.run(INPUT)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
};

/** Whether what a job reports is true: the command ran and wrote, or there is a reason why not. */
const isTrue = (
  { status, exitCode, signal, error, output }: JobFields,
  stdout: string,
): string | undefined => {
  const whole = host === undefined ? OUT : SHOWN;
  // On a terminal the error message of a failed command is part of the output.
  const saysMore = host !== undefined && status === 'COMPLETED' && exitCode !== 0;
  if (stdout !== whole && stdout !== '' && !saysMore) return 'it wrote something else';
  const reported = stdout.length + (output?.dropped ?? 0);
  if (status === 'COMPLETED')
    return exitCode === 0 && reported !== whole.length ? 'its output is gone' : undefined;
  // That a message did not reach a process which was killed is not the reason.
  if (/broken pipe/.test(error ?? '')) return 'its reason is another';
  if (status === 'FAILED' || status === 'LOST') return error === null ? 'there is no reason' : undefined;
  return `it is ${status} by ${signal}`;
};

const NO_MEMORY = new Set(
  `brk clone clone3 execve fsconfig fsmount fsopen keyctl mkdirat mmap mount mount_setattr move_mount mprotect
   open_tree pivot_root prctl seccomp setgroups setresgid setresuid unshare epoll_ctl bind listen symlinkat
   capset`.split(/\s+/),
);
const NO_DESCRIPTORS = new Set(
  'accept4 dup2 dup3 epoll_create1 memfd_create openat openat2 pipe2 signalfd4 socket socketpair'.split(' '),
);
const NO_ROOM = new Set('fallocate ftruncate mkdir pwrite64 renameat rename write'.split(' '));
/** Calls that signal(7) lists as interrupted, SA_RESTART or not. */
const INTERRUPTED = new Set('accept4 epoll_wait flock poll pwrite64 read recvfrom sendto wait4'.split(' '));

const shortage = (name: string): Effect | undefined => {
  if (NO_MEMORY.has(name)) return { error: 'ENOMEM' };
  if (NO_DESCRIPTORS.has(name)) return { error: 'EMFILE' };
  if (NO_ROOM.has(name)) return { error: 'ENOSPC' };
  return name === 'fsync' ? { error: 'EIO' } : undefined;
};

describe('a call of the launcher', () => {
  withServer(0);

  it('that fails without memory, descriptors or room leaves a job with a true end', async () => {
    await sweep(faults.choose(shortage), isTrue);
  }, 1_200_000);

  it('that is interrupted is made again', async () => {
    const effect = (name: string) => (INTERRUPTED.has(name) ? { error: 'EINTR' } : undefined);
    await sweep(faults.choose(effect), (job, stdout) =>
      job.exitCode === 0 && stdout === 'out\n' ? undefined : 'it did not run as it should',
    );
  }, 1_200_000);

  it('that is the last one of its process leaves a job with a true end', async () => {
    await sweep(
      faults.choose(() => ({ signal: 'KILL' })),
      isTrue,
    );
  }, 1_200_000);
});

/** Each chosen call fails, or is the last one of its process, and the end of the job is true. */
const sweeps = (part: number, leaves: string): void => {
  it(`that fails leaves ${leaves}`, async () => {
    await sweep(faults.choose(shortage, part), isTrue);
  }, 1_200_000);

  it(`that is the last one of its process leaves ${leaves}`, async () => {
    await sweep(
      faults.choose(() => ({ signal: 'KILL' }), part),
      isTrue,
    );
  }, 1_200_000);
};

describe('a call of the launcher for a cell that is prepared', () => {
  withServer(1);
  // Calls that they share with the others are covered there.
  sweeps(8, 'a job with a true end');
});

describe('a call of the launcher for a command in the cell of a job', () => {
  withServer(0, true);
  afterEach(async () => {
    expect(await server.job(host ?? '')).toMatchObject({ status: 'RUNNING' });
  });

  sweeps(4, 'it with a true end, and the job as it is');
});
