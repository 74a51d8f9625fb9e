import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroup } from '../../src/runtime/cgroup/index.ts';
import { cgroup2Mount } from './cgroup2.ts';
import { Stranger, type StrangerOptions } from './stranger.ts';

/** A cgroup that is left to a stranger, as a service manager does it, and the stranger who is started in it. */
export interface Delegated {
  readonly path: string;
  readonly stranger: Stranger;
  /** Removes both, with all that is in the cgroup. */
  dispose(): Promise<void>;
}

/** @param enter whether the stranger's programs start inside of the cgroup */
export const delegate = ({
  enter = true,
  ...options
}: StrangerOptions & { enter?: boolean } = {}): Delegated => {
  const path = join(cgroup2Mount(), `delegated-${process.pid}`);
  const prepare = enter ? `echo $$ > '${join(path, 'cgroup.procs')}'` : '';
  const stranger = new Stranger({ ...options, prepare });
  mkdirSync(path);
  // cgroup-v2.rst, "Model of Delegation".
  for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
    chownSync(join(path, name), stranger.uid, stranger.uid);
  const dispose = async (): Promise<void> => {
    await removeCgroup(path);
    stranger.dispose();
  };
  return { path, stranger, dispose };
};
