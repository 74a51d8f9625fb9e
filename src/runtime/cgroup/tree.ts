/** The tree of cgroups of a server. */

import { createHash } from 'node:crypto';
import { chmod, mkdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { errnoName } from '../../errno.ts';
import { type Base, type BaseOptions, findBase, OTHERS } from './base.ts';
import {
  CONTROLLERS,
  type ControllerName,
  enableControllers,
  explain,
  type Obstacle,
  WRITE_ACCESS,
} from './controllers.ts';
import { CgroupError } from './error.ts';
import { HUGE_PAGES } from './huge-pages.ts';
import { moveProcess, moveProcesses } from './move.ts';
import { removeIfEmpty } from './remove.ts';

/** Where the cgroups of a server are made. */
export interface CgroupOptions extends BaseOptions {
  /** The state folder, which must exist: servers with different state folders have different trees. */
  readonly stateDir: string;
}

/** The tree of cgroups of the server. Paths are absolute; all are `null` if no cgroup may be made. */
export interface Cgroups {
  readonly path: string | null;
  /** That of the server. */
  readonly server: string | null;
  /** That of the supervisors, which outlive the server and are not charged to a job. */
  readonly supervisors: string | null;
  /** The parent of those of jobs. */
  readonly jobs: string | null;
  /** The controllers that can limit and measure jobs here. */
  readonly controllers: readonly ControllerName[];
  /** Why the others are missing. */
  readonly obstacles: ReadonlyMap<ControllerName, Obstacle>;
  /**
   * The path of the cgroup of a job.
   *
   * @throws RangeError for an id that could be taken for a path or for a file of a cgroup
   */
  jobPath(id: string): string | null;
  /**
   * Moves the server back to where it came from and removes what is empty. Cgroups of supervisors or jobs that run
   * stay; so does that of the server if it cannot be moved to another one.
   */
  close(): Promise<void>;
}

/**
 * Makes the server's tree, `cloister-<hash of the state folder>/{server,supervisors,jobs}`, in the cgroup that
 * `findBase` chooses, moves this process with all its threads to `server`, and enables the controllers.
 * An existing tree is used again.
 *
 * @throws CgroupError with the remedy, if cgroup v2 is not mounted or may not be written
 */
export const openCgroups = async (options: CgroupOptions): Promise<Cgroups> => {
  const base = await findBase(options);
  const { hierarchy } = base;
  const path = join(base.path, await treeName(options.stateDir));
  const server = join(path, 'server');
  const supervisors = join(path, 'supervisors');
  const jobs = join(path, 'jobs');
  const above = await makeAll(lineage(hierarchy.mountPoint, base.path), base);
  const made = await makeAll([path, server, supervisors, jobs], base);
  await enter(server, base).catch(async (error: unknown) => {
    for (const folder of [...above, ...made].toReversed()) await removeIfEmpty(folder);
    throw error;
  });
  const hand = <Name extends string>(names: readonly Name[]) =>
    enableControllers(lineage(hierarchy.mountPoint, jobs), names, (full) => makeRoom(full, base));
  const refused = await hand(CONTROLLERS);
  await hand([HUGE_PAGES]);
  return {
    path,
    server,
    supervisors,
    jobs,
    controllers: CONTROLLERS.filter((name) => !refused.has(name)),
    obstacles: new Map([...refused].map(([name, refusal]) => [name, explain(name, refusal, hierarchy)])),
    jobPath: (id) => {
      // The files of a cgroup have a dot in their names.
      if (!/^[0-9A-Za-z][0-9A-Za-z-]*$/.test(id))
        throw new RangeError(`job id: expected letters, digits and hyphens, got ${JSON.stringify(id)}`);
      return join(jobs, id);
    },
    close: async () => {
      await leave(base);
      await removeIfEmpty(server);
      // A supervisor may be about to make the cgroup of its job.
      if (!(await removeIfEmpty(supervisors))) return;
      for (const folder of [jobs, path, ...above.toReversed()]) if (!(await removeIfEmpty(folder))) return;
    },
  };
};

/** Moves this process to its cgroup in the tree. */
const enter = async (server: string, { hierarchy }: Base): Promise<void> => {
  try {
    await moveProcess(process.pid, server);
  } catch (error) {
    const code = errnoName(error);
    if (code === undefined) throw error;
    // Moving a process needs write access to the common ancestor of both cgroups (cgroup-v2.rst, "Delegation Containment").
    const reason = `the server may not be moved from ${hierarchy.own ?? 'its cgroup'} to ${server} (${code})`;
    throw new CgroupError(reason, `start it inside the cgroup that is delegated to it; ${WRITE_ACCESS}`, {
      cause: error,
    });
  }
};

/** The name of the tree for a state folder. */
const treeName = async (stateDir: string): Promise<string> => {
  const real = await realpath(stateDir);
  return `cloister-${createHash('sha256').update(real).digest('hex').slice(0, 8)}`;
};

/** The cgroups from one down to another below it, including both. */
const lineage = (from: string, to: string): readonly string[] => {
  const line = [from];
  for (const part of relative(from, to).split('/')) if (part !== '') line.push(join(line.at(-1) ?? '', part));
  return line;
};

/** Creates those that do not exist, and returns them. */
const makeAll = async (paths: readonly string[], { hierarchy }: Base): Promise<readonly string[]> => {
  const made: string[] = [];
  for (const path of paths) {
    try {
      await mkdir(path);
      // Whatever the umask: on older kernels (seen on 6.1) a cell mounts its cgroup only if it may search all folders
      // above it.
      await chmod(path, 0o755);
      made.push(path);
    } catch (error) {
      const code = errnoName(error);
      if (code === 'EEXIST') continue;
      const reason = hierarchy.readOnly ? 'is mounted read-only' : `refuses new cgroups (${code})`;
      throw new CgroupError(`${hierarchy.mountPoint} ${reason}: ${path}`, WRITE_ACCESS, { cause: error });
    }
  }
  return made;
};

/** Moves the processes out of the base, if the server may move them. */
const makeRoom = async (full: string, base: Base): Promise<boolean> => {
  const ours = ['unit', 'container', 'own'].includes(base.kind) || base.path === base.hierarchy.own;
  if (full !== base.path || !ours) return false;
  await moveProcesses(full, await others(base));
  return true;
};

const others = async (base: Base): Promise<string> => {
  const path = join(base.path, OTHERS);
  await makeAll([path], base);
  return path;
};

/** Moves this process back to where it came from or, if that is not possible, to the nearest cgroup that accepts it. */
const leave = async (base: Base): Promise<void> => {
  const { mountPoint, own } = base.hierarchy;
  if (own !== undefined && (await takesUs(own))) return;
  await takesUs(base.kind === 'top' ? mountPoint : await others(base));
};

const takesUs = async (cgroup: string): Promise<boolean> => {
  try {
    await moveProcess(process.pid, cgroup);
    return true;
  } catch (error) {
    if (errnoName(error) === undefined) throw error;
    return false;
  }
};
