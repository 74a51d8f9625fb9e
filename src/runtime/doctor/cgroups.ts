/** Checks cgroups, controllers and swap. */

import { existsSync } from 'node:fs';
import { access, constants, mkdir, readFile, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoName } from '../../errno.ts';
import { type Base, findBase } from '../cgroup/base.ts';
import { type ControllerName, explain, WRITE_ACCESS } from '../cgroup/controllers.ts';
import { CgroupError } from '../cgroup/error.ts';
import { readWords } from '../cgroup/files.ts';
import { type Check, fail, type Machine, pass, warn } from './check.ts';

/** What limits a job, and the file that does it; without io its traffic is only not measured. */
const CONTROLLERS = [
  { name: 'cpu', file: 'cpu.max', report: fail },
  { name: 'memory', file: 'memory.max', report: fail },
  { name: 'pids', file: 'pids.max', report: fail },
  { name: 'io', file: 'io.stat', report: warn },
] as const;

/**
 * Whether cgroup v2 is mounted, whether the server may make its tree there, and which limits it can enforce. Makes a
 * cgroup to try, and removes it.
 *
 * @param root the cgroup that the server is to use
 */
export const checkCgroups = async (machine: Machine, root?: string): Promise<readonly Check[]> => {
  // A server that is not root runs without; but a cgroup that was named has to exist.
  const optional = machine.uid !== 0 && root === undefined;
  const refuse = optional ? warn : fail;
  const without = optional ? ': jobs have no limits on CPUs, memory and pids' : '';
  let base: Base;
  try {
    base = await findBase({ root, proc: machine.proc });
  } catch (error) {
    if (!(error instanceof CgroupError)) throw error;
    return [refuse('cgroup v2', `${error.reason}${without}`, error.remedy)];
  }
  const { mountPoint, readOnly } = base.hierarchy;
  if (readOnly) return [refuse('cgroup v2', `mounted read-only on ${mountPoint}${without}`, WRITE_ACCESS)];
  const parent = existing(base.path);
  const probe = join(parent, `cloister-doctor-${process.pid}`);
  const mount = pass('cgroup v2', `mounted on ${mountPoint}`);
  try {
    await mkdir(probe);
  } catch (error) {
    const detail = `no cgroup can be made in ${parent} (${errnoName(error)})${without}`;
    return [mount, refuse('cgroup delegation', detail, WRITE_ACCESS)];
  }
  try {
    const controllers = CONTROLLERS.map((controller) => checkController(controller, { base, parent, probe }));
    const swap = checkSwap(machine, parent, probe);
    const delegation = pass('cgroup delegation', `cgroups can be made in ${parent}`);
    return [mount, delegation, ...(await Promise.all(controllers)), await swap];
  } finally {
    await rmdir(probe);
  }
};

interface Place {
  readonly base: Base;
  readonly parent: string;
  readonly probe: string;
}

const checkController = async (
  { name, file, report }: (typeof CONTROLLERS)[number],
  { base, parent, probe }: Place,
): Promise<Check> => {
  const title = `${name} controller`;
  const refuse = (code: string) => {
    const { reason, remedy } = explain(name satisfies ControllerName, { path: parent, code }, base.hierarchy);
    return report(
      title,
      `${reason}${name === 'io' ? '' : ': jobs that ask for its limits are refused'}`,
      remedy,
    );
  };
  if (!(await readWords(join(parent, 'cgroup.controllers'))).includes(name)) return refuse('absent');
  const control = join(parent, 'cgroup.subtree_control');
  if ((await readWords(control)).includes(name)) {
    return existsSync(join(probe, file))
      ? pass(title, `enabled in ${parent}`)
      : report(title, `enabled in ${parent}, but without ${file}`, 'use a kernel of a common distribution');
  }
  try {
    await access(control, constants.W_OK);
  } catch (error) {
    return refuse(errnoName(error) ?? 'EACCES');
  }
  return pass(title, `available in ${parent}`);
};

/** Whether a job could use swap beyond its memory limit. */
const checkSwap = async ({ proc }: Machine, parent: string, probe: string): Promise<Check> => {
  const areas = (await readFile(join(proc, 'swaps'), 'utf8')).trim().split('\n').slice(1);
  if (areas.length === 0) return pass('swap', 'none in use');
  const has = (path: string, file: string) =>
    readWords(join(path, file)).then((words) => words.includes('memory'));
  if (!(await has(parent, 'cgroup.controllers')))
    return warn(
      'swap',
      'jobs may fill it: the memory controller is missing',
      'see the memory controller, or swapoff -a',
    );
  // Before the server enables the controller, only the kernel's command line shows it.
  const bounded = (await has(parent, 'cgroup.subtree_control'))
    ? existsSync(join(probe, 'memory.swap.max'))
    : !(await readFile(join(proc, 'cmdline'), 'utf8')).includes('swapaccount=0');
  return bounded
    ? pass('swap', 'bounded by the memory controller')
    : warn(
        'swap',
        'jobs may fill it: the kernel does not account it',
        'boot with swapaccount=1, or swapoff -a',
      );
};

const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));
