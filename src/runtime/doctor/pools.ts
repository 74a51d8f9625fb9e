/** Checks the resources of the whole machine that no cgroup divides: how much of them one job can take. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pageSize } from '../cgroup/page-size.ts';
import { type Check, type Machine, pass, warn } from './check.ts';

const MIB = 1024 * 1024;
/** Bytes of memory that a job has if it asks for none, and what a job of that size can have of open files and processes. */
const JOB_BYTES = 512 * MIB;
const JOB_PIDS = 256;
// An open file is charged to its job with this much at least: struct file, in slabs of the kernel.
const FILE_BYTES = 232;
/** A connection over loopback that was closed while the other end has not read everything, with what holds that end. */
const ORPHAN_BYTES = 8192;
/** Files that one process can open (RLIMIT_NOFILE of `resourceLimits`). */
const MOST_FILES = 65_536;

interface Pool {
  readonly name: string;
  /** Below `proc/sys`. */
  readonly file: string;
  /** Which of the numbers in the file. */
  readonly field: number;
  /** The least value with which one job of the usual size cannot use all of it up. */
  readonly least: number;
  readonly detail: string;
  readonly remedy: string;
}

const pools = (): readonly Pool[] => [
  {
    name: 'memory for TCP',
    file: 'net/ipv4/tcp_mem',
    // Below, at and above pressure (tcp(7)): from the second on all connections of the machine suffer.
    field: 1,
    least: Math.ceil(JOB_BYTES / pageSize()),
    detail:
      'pages for all connections; a job with 512 MiB of memory can fill them, and slow down those of the machine',
    remedy: 'raise the three numbers of net.ipv4.tcp_mem, or give jobs less memory (--max-memory)',
  },
  {
    name: 'open files',
    file: 'fs/file-max',
    field: 0,
    least: Math.ceil(JOB_BYTES / FILE_BYTES),
    detail:
      'for all processes; a job with 512 MiB of memory can open them all, and none but root then opens any',
    remedy: 'raise fs.file-max, for instance: sysctl -w fs.file-max=9223372036854775807',
  },
  {
    name: 'closed connections',
    file: 'net/ipv4/tcp_max_orphans',
    field: 0,
    least: Math.ceil(JOB_BYTES / ORPHAN_BYTES),
    detail:
      'that may still have something to send; a job with 512 MiB of memory can have them all, and those of the machine are then reset',
    remedy: 'raise net.ipv4.tcp_max_orphans, for instance: sysctl -w net.ipv4.tcp_max_orphans=262144',
  },
  {
    name: 'process ids',
    file: 'kernel/pid_max',
    field: 0,
    least: 128 * JOB_PIDS + 1,
    detail: `for the whole machine: 128 jobs with ${JOB_PIDS} processes each use them up`,
    remedy: 'sysctl -w kernel.pid_max=4194304',
  },
];

/** Whether one job of the usual size, or a hundred, can use up what all of the machine shares. */
export const checkPools = ({ proc }: Machine): Promise<readonly Check[]> =>
  Promise.all([...pools().map((pool) => checkPool(proc, pool)), checkBuffers(proc)]);

/** The only memory that the kernel neither charges to a cgroup nor bounds: see SECURITY.md. */
const checkBuffers = async (proc: string): Promise<Check> => {
  const name = 'socket buffers';
  const each = await numberIn(join(proc, 'sys/net/core/rmem_default'), /^(\d+)/);
  const memoryKib = await numberIn(join(proc, 'meminfo'), /^MemTotal:\s+(\d+) kB$/m);
  if (Number.isNaN(each + memoryKib)) return pass(name, 'the kernel does not say (net.core.rmem_default)');
  const taken = Math.round((each * MOST_FILES) / MIB);
  const detail = `one process of a job can have ${taken} MiB in those of netlink and ICMP, for which no cgroup is charged`;
  if (taken < memoryKib / 1024 / 4) return pass(name, detail);
  return warn(
    name,
    detail,
    'lower net.core.rmem_default, or give tenants who attack each other a virtual machine each',
  );
};

const numberIn = async (path: string, pattern: RegExp): Promise<number> =>
  Number(pattern.exec(await readFile(path, 'utf8').catch(() => ''))?.[1] ?? Number.NaN);

const checkPool = async (
  proc: string,
  { name, file, field, least, detail, remedy }: Pool,
): Promise<Check> => {
  const text = await readFile(join(proc, 'sys', file), 'utf8').catch(() => '');
  const number = Number(text.trim().split(/\s+/)[field] || Number.NaN);
  if (Number.isNaN(number)) return pass(name, `the kernel does not say (${file.replaceAll('/', '.')})`);
  return number >= least
    ? pass(name, `${number}: more than a job takes`)
    : warn(name, `${number} ${detail}`, remedy);
};
