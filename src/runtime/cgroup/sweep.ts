/** Removes cgroups that jobs have left. */

import { basename } from 'node:path';
import { below, removeCgroup } from './remove.ts';

/** The result of a sweep. */
export interface Swept {
  /** Ids of the jobs whose cgroups are gone. */
  readonly removed: readonly string[];
  /** Those that could not be removed, and why. */
  readonly left: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * Removes the cgroups of jobs that do not run any more, and kills what still runs in them: the leftovers of supervisors
 * that were killed.
 *
 * @param jobsPath the cgroup whose children are the jobs'
 * @param isLive whether the job of this id has a supervisor, which will remove its cgroup
 * @throws the error of the system call if `jobsPath` cannot be read
 */
export const sweep = async (jobsPath: string, isLive: (id: string) => boolean): Promise<Swept> => {
  const dead = (await below(jobsPath)).filter((path) => !isLive(basename(path)));
  const outcomes = await Promise.allSettled(dead.map((path) => removeCgroup(path)));
  const removed: string[] = [];
  const left: { id: string; reason: string }[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const id = basename(dead[index] ?? '');
    if (outcome.status === 'fulfilled') removed.push(id);
    else left.push({ id, reason: reasonOf(outcome.reason) });
  }
  return { removed, left };
};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
