/** The disk of a folder or device. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskError, diskAt, diskBelow, wholeDisk } from '../../../src/runtime/cgroup/disk.ts';
import { disposers } from '../../support/disposers.ts';

const onEnd = disposers();
const BLOCK = '/sys/dev/block';
const devices = existsSync(BLOCK) ? readdirSync(BLOCK) : [];
const partitions = devices.filter((device) => existsSync(join(BLOCK, device, 'partition')));

describe('wholeDisk', () => {
  it('leaves a whole disk as it is', () => {
    for (const device of devices.filter((one) => !partitions.includes(one)))
      expect(wholeDisk(device)).toBe(device);
  });

  it('names the disk of a partition', () => {
    // As sysfs has them: links to folders, that of a partition within that of its disk. Few virtual machines have one.
    const sys = mkdtempSync(join(tmpdir(), 'cloister-sysfs-'));
    onEnd(() => rmSync(sys, { recursive: true }));
    const partition = join(sys, 'devices', 'vda', 'vda1');
    mkdirSync(partition, { recursive: true });
    mkdirSync(join(sys, 'dev'));
    writeFileSync(join(partition, '..', 'dev'), '254:0\n');
    writeFileSync(join(partition, 'dev'), '254:1\n');
    writeFileSync(join(partition, 'partition'), '1\n');
    symlinkSync('../devices/vda', join(sys, 'dev', '254:0'));
    symlinkSync('../devices/vda/vda1', join(sys, 'dev', '254:1'));
    expect(wholeDisk('254:0', join(sys, 'dev'))).toBe('254:0');
    expect(wholeDisk('254:1', join(sys, 'dev'))).toBe('254:0');
    for (const device of partitions) expect(partitions).not.toContain(wholeDisk(device));
  });

  it('knows none of a number that no device has', () => {
    expect(() => wholeDisk('511:7')).toThrow(new DiskError('no such block device: 511:7'));
  });
});

describe('diskAt', () => {
  it('knows none at a path that is something else', () => {
    expect(() => diskAt('/dev/null')).toThrow('no such block device: /dev/null');
    expect(() => diskAt('/dev/nosuch')).toThrow('no such block device: /dev/nosuch');
  });
});

describe('diskBelow', () => {
  it('is a disk, or says that there is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-disk-'));
    onEnd(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'x'));
    let disk: string;
    try {
      disk = diskBelow(join(folder, 'x'));
    } catch (error) {
      expect(error).toBeInstanceOf(DiskError);
      return;
    }
    expect(devices).toContain(disk);
  });

  it('is none for what no disk holds', () => {
    expect(() => diskBelow('/proc')).toThrow(/^\/proc lies on no disk of its own \(device 0:\d+\)$/);
  });
});
