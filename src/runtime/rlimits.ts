/** The resource limits of the processes of a cell. */

import { readFileSync } from 'node:fs';
import { type ResourceLimit, UNLIMITED } from './protocol/plan.ts';

// Numbers of asm-generic/resource.h, which x86_64 and aarch64 share.
const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;

const KIB = 1024;
const MIB = 1024 * KIB;
const MOST_PROCESSES = 32_768;
const FEWEST_PROCESSES = 256;
// Of the process ids of the machine, where nothing else bounds a job.
const SHARE_OF_PROCESSES = 1 / 8;
// So that the cgroup refuses first, and counts the refusal: the kernel checks RLIMIT_NPROC before the cgroup's limit.
const FUSE_SLACK = 16;

/**
 * Limits of single processes (setrlimit(2)); the cgroup has those of the whole job.
 *
 * @param pids processes of the job that exist at once. RLIMIT_NPROC counts those of a user in a user namespace: it is
 *   the fallback where the cgroup has no limit. `null`: see `mostProcesses`
 * @param core RLIMIT_CORE: see `coreLimit`
 */
export const resourceLimits = (pids: number | null, core: 0 | 1 = coreLimit()): readonly ResourceLimit[] => [
  { resource: RLIMIT.CORE, soft: core, hard: core },
  { resource: RLIMIT.STACK, soft: 8 * MIB, hard: 64 * MIB },
  // The cell's init counts as a process of root.
  both(RLIMIT.NPROC, pids === null ? mostProcesses() : pids + 1 + FUSE_SLACK),
  { resource: RLIMIT.NOFILE, soft: 1024, hard: 65_536 },
  both(RLIMIT.MEMLOCK, 64 * KIB),
  both(RLIMIT.SIGPENDING, 4096),
  both(RLIMIT.MSGQUEUE, 800 * KIB),
  both(RLIMIT.NICE, 0),
  both(RLIMIT.RTPRIO, 0),
  // The rest is unlimited, whatever the server has.
  ...(['CPU', 'FSIZE', 'DATA', 'RSS', 'AS', 'LOCKS', 'RTTIME'] as const).map((name) =>
    both(RLIMIT[name], UNLIMITED),
  ),
];

/**
 * Processes of one user of a cell whose cgroup has no limit of them: a share of the ids that the machine has, so that a job
 * does not take all.
 */
export const mostProcesses = (pidMax = '/proc/sys/kernel/pid_max'): number => {
  const share = Math.floor(Number(readFileSync(pidMax, 'utf8')) * SHARE_OF_PROCESSES);
  return Math.min(MOST_PROCESSES, Math.max(FEWEST_PROCESSES, share));
};

const both = (resource: number, value: number | bigint): ResourceLimit => ({
  resource,
  soft: value,
  hard: value,
});

/**
 * The RLIMIT_CORE with which a crash in a cell leaves nothing on the host. A core_pattern that begins with "|" starts a
 * program as root of the host whatever the limit is, except for 1, which the kernel takes for a crash of that program
 * itself (do_coredump() in fs/coredump.c).
 */
export const coreLimit = (pattern = '/proc/sys/kernel/core_pattern'): 0 | 1 =>
  readFileSync(pattern, 'utf8').startsWith('|') ? 1 : 0;
