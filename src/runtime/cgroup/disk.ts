/** Finds the disk of a folder or device, for limits of its traffic. */

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** There is no disk whose traffic can be limited. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
}

const BLOCK = '/sys/dev/block';

/**
 * The whole disk of a folder: limits of traffic are for disks, and a partition is refused (cgroup-v2.rst, io.max).
 *
 * @returns `major:minor`
 * @throws DiskError if it is not on a single disk: a tmpfs, a network file system, one of several devices
 */
export const diskBelow = (folder: string): string => {
  const device = number(statSync(folder, { bigint: true }).dev);
  if (device.startsWith('0:') || !existsSync(join(BLOCK, device)))
    throw new DiskError(`${folder} lies on no disk of its own (device ${device})`);
  return wholeDisk(device);
};

/**
 * The whole disk of a block device.
 *
 * @param path in /dev
 * @returns `major:minor`
 * @throws DiskError when there is no such device
 */
export const diskAt = (path: string): string => {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (status?.isBlockDevice() !== true) throw new DiskError(`no such block device: ${path}`);
  return wholeDisk(number(status.rdev));
};

/**
 * The disk of a number, which may be a partition's.
 *
 * @param device `major:minor`
 * @param devices the folder with a link for each block device, as sysfs has it
 * @throws DiskError when there is none
 */
export const wholeDisk = (device: string, devices = BLOCK): string => {
  const link = join(devices, device);
  if (!existsSync(link)) throw new DiskError(`no such block device: ${device}`);
  const folder = realpathSync(link);
  if (!existsSync(join(folder, 'partition'))) return device;
  return readFileSync(join(dirname(folder), 'dev'), 'utf8').trim();
};

// As glibc's gnu_dev_major and gnu_dev_minor (makedev(3)) split a device number.
const number = (device: bigint): string => {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
};
