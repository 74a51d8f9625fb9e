/** Checks the state folder and its disk. */

import { existsSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { TMPFS } from '../../state/tmpfs.ts';
import { type Check, fail, type Machine, pass, reasonOf, warn } from './check.ts';

const MIB = 1024 ** 2;
const TOO_LITTLE_BYTES = 64 * MIB;
const LITTLE_BYTES = 1024 * MIB;

/** Magic numbers of statfs(2). On these, the locks and shared memory of SQLite do not hold (sqlite.org/wal.html). */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x01021997, '9P'],
]);
const FUSE = 0x65735546;

/** Whether the state folder, which may not exist yet, is suitable for durable files. */
export const checkState = async (machine: Machine, stateDir: string): Promise<readonly Check[]> => {
  const folder = resolve(stateDir);
  const found = existing(folder);
  const usable = await checkAccess(machine, folder, found);
  if (usable.status === 'FAIL') return [usable];
  const { type, bavail, bsize } = await statfs(found);
  return [usable, checkType(found, type), checkSpace(found, bavail * bsize)];
};

const checkAccess = async ({ uid }: Machine, folder: string, found: string): Promise<Check> => {
  const name = 'state folder';
  const elsewhere = 'name another with --state-dir';
  const stats = await stat(found);
  if (!stats.isDirectory()) return fail(name, `${found} is not a folder`, elsewhere);
  try {
    await access(found, constants.W_OK | constants.X_OK);
  } catch (error) {
    return fail(name, `${found} cannot be written: ${reasonOf(error)}`, `run as its owner, or ${elsewhere}`);
  }
  // A folder above it may have any mode: the server creates its own with the right one.
  if (found !== folder) return pass(name, `${folder} will be made`);
  if (stats.uid !== uid)
    return fail(name, `${folder} belongs to user ${stats.uid}`, `chown ${uid} ${folder}, or ${elsewhere}`);
  if ((stats.mode & 0o022) !== 0)
    return fail(name, `${folder} can be written by other users`, `chmod go-w ${folder}, or ${elsewhere}`);
  return pass(name, folder);
};

/** The kind of its file system. */
export const checkType = (folder: string, type: number): Check => {
  const name = 'state file system';
  const remote = REMOTE.get(type >>> 0);
  const remedy = 'put the state folder on a local disk: --state-dir';
  if (remote !== undefined)
    return fail(name, `${folder} is on ${remote}, where the database would break`, remedy);
  if (type === TMPFS) return warn(name, `${folder} is on tmpfs: a reboot empties it`, remedy);
  if (type === FUSE) return warn(name, `${folder} is on FUSE, which may be remote`, remedy);
  return pass(name, 'local');
};

/** Whether there is enough free space. */
export const checkSpace = (folder: string, free: number): Check => {
  const name = 'disk space';
  const detail = `${Math.floor(free / MIB)} MiB free for ${folder}`;
  const remedy = 'make room, or name another state folder with --state-dir';
  if (free < TOO_LITTLE_BYTES) return fail(name, detail, remedy);
  if (free < LITTLE_BYTES) return warn(name, detail, remedy);
  return pass(name, detail);
};

const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));
