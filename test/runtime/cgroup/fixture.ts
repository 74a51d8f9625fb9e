/** Folders that look like cgroups and procfs. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { findHierarchy, type Hierarchy } from '../../../src/runtime/cgroup/hierarchy.ts';
import { removeCgroup } from '../../../src/runtime/cgroup/remove.ts';

type Dispose = (dispose: () => unknown) => void;

const hierarchy: Hierarchy | undefined =
  process.getuid?.() === 0 ? await findHierarchy('/proc').catch(() => undefined) : undefined;
const mountPoint = hierarchy?.readOnly === false ? hierarchy.mountPoint : undefined;

/** Controllers that the machine could enable for a cgroup of ours. */
const controllers =
  mountPoint === undefined ? '' : readFileSync(join(mountPoint, 'cgroup.controllers'), 'utf8');

/** Tests on real cgroups. */
export const describeCgroups = (title: string, body: () => void): void => {
  if (mountPoint !== undefined) describe(title, body);
  else describe.skip(`${title} (needs root and a writable cgroup v2 hierarchy)`, body);
};

/** A test on real cgroups with the controllers that limit jobs. */
export const itWithControllers = (title: string, body: () => Promise<void>): void => {
  if (/\bmemory\b/.test(controllers)) it(title, body);
  else it.skip(`${title} (needs the memory controller in cgroup v2)`, body);
};

/** A temporary folder. */
export const folder = (onEnd: Dispose): string => {
  const path = mkdtempSync(join(tmpdir(), 'cloister-cgroup-'));
  onEnd(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

/** A folder with files, by their paths in it. */
export const files = (onEnd: Dispose, contents: Readonly<Record<string, string>>): string => {
  const path = folder(onEnd);
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
};

/** A real cgroup of its own, removed with all that is in it. */
export const cgroup = (onEnd: Dispose, below = mountPoint ?? ''): string => {
  const path = join(below, `cloister-test-${randomUUID()}`);
  mkdirSync(path);
  onEnd(() => removeCgroup(path));
  return path;
};

/** A process that sleeps in a cgroup until it is killed. */
export const sleeper = async (
  onEnd: Dispose,
  path: string,
): Promise<ChildProcess & { readonly pid: number }> => {
  const script = 'echo $$ > "$1/cgroup.procs" && echo in && exec sleep 1000';
  const child = spawn('sh', ['-c', script, 'sh', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  onEnd(() => {
    child.kill('SIGKILL');
    return exited;
  });
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('no process');
  return Object.assign(child, { pid: child.pid });
};

/** The pids that live directly in a cgroup. */
export const pids = (path: string): number[] =>
  readFileSync(join(path, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
