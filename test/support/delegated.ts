/** A cgroup that is delegated to a user, for tests. */

import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroup } from '../../src/runtime/cgroup/index.ts';
import { cgroup2Mount } from './cgroup2.ts';
import { type UnprivilegedOptions, UnprivilegedUser } from './unprivileged.ts';

/** A cgroup that is left to a user without privileges, as a service manager does it, and the user who is started in it. */
export interface Delegated {
  readonly path: string;
  readonly unprivileged: UnprivilegedUser;
  /** Removes both, with all that is in the cgroup. */
  dispose(): Promise<void>;
}

/** @param enter whether the unprivileged's programs start inside of the cgroup */
export const delegate = ({
  enter = true,
  prepare = '',
  ...options
}: UnprivilegedOptions & { enter?: boolean } = {}): Delegated => {
  const path = join(cgroup2Mount(), `delegated-${process.pid}`);
  const entering = enter ? `echo $$ > '${join(path, 'cgroup.procs')}'` : '';
  const unprivileged = new UnprivilegedUser({ ...options, prepare: `${entering}\n${prepare}` });
  mkdirSync(path);
  // cgroup-v2.rst, "Model of Delegation".
  for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
    chownSync(join(path, name), unprivileged.uid, unprivileged.uid);
  const dispose = async (): Promise<void> => {
    await removeCgroup(path);
    unprivileged.dispose();
  };
  return { path, unprivileged, dispose };
};
