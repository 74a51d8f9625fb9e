/** Finding the cgroup v2 hierarchy. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findHierarchy, isWithin, ownCgroup, parseMounts } from '../../../src/runtime/cgroup/hierarchy.ts';
import { disposers } from '../../support/disposers.ts';
import { files, folder } from './fixture.ts';

const onEnd = disposers();

const proc = (mountinfo: string, cgroup: string, cgroups = '') =>
  files(onEnd, { 'self/mountinfo': mountinfo, 'self/cgroup': cgroup, cgroups });
const v2 = (point: string, { root = '/', options = 'rw' } = {}) =>
  `35 24 0:30 ${root} ${point} ${options},nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`;

describe('parseMounts', () => {
  it('reads lines with any number of optional fields', () => {
    const text = [
      '22 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw',
      '35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 master:2 - cgroup2 cgroup2 rw,nsdelegate',
      '36 24 0:31 / /mnt/a\\040b\\134c ro - tmpfs none rw',
    ].join('\n');
    expect(parseMounts(text).map(({ point, type, readOnly }) => [point, type, readOnly])).toEqual([
      ['/', 'ext4', false],
      ['/sys/fs/cgroup', 'cgroup2', false],
      ['/mnt/a b\\c', 'tmpfs', true],
    ]);
  });

  it('returns only the last of the mounts on one folder', () => {
    const text = '1 0 0:1 / /a rw - tmpfs x rw\n2 0 0:2 / /b rw - tmpfs x rw\n3 1 0:3 / /a rw - proc x rw\n';
    expect(parseMounts(text).map(({ point, type }) => `${point} ${type}`)).toEqual(['/b tmpfs', '/a proc']);
  });

  it('reports a wholly read-only file system as read-only', () => {
    expect(parseMounts('1 0 0:1 / /a rw - cgroup2 x ro,nsdelegate\n')[0]?.readOnly).toBe(true);
  });
});

describe('ownCgroup', () => {
  it('takes the v2 line from among those of v1', () => {
    expect(ownCgroup('9:name=systemd:/x\n4:memory:/y\n0::/user.slice/a b.scope\n')).toBe(
      '/user.slice/a b.scope',
    );
    expect(ownCgroup('4:memory:/y\n')).toBeUndefined();
  });
});

describe('isWithin', () => {
  it('does not take a longer name for a folder below', () => {
    expect([isWithin('/a', '/a'), isWithin('/a', '/a/b'), isWithin('/', '/a')]).toEqual([true, true, true]);
    expect([isWithin('/a', '/ab'), isWithin('/a/b', '/a')]).toEqual([false, false]);
  });
});

describe('findHierarchy', () => {
  it('finds a unified one, and this process in it', async () => {
    const at = folder(onEnd);
    expect(await findHierarchy(proc(v2(at), '0::/system.slice/a.service\n'))).toEqual({
      mountPoint: at,
      isRoot: true,
      readOnly: false,
      own: join(at, 'system.slice/a.service'),
      v1: new Set(),
    });
  });

  it('finds that of a hybrid host, and what cgroup v1 keeps from it', async () => {
    const at = folder(onEnd);
    const v1 = '33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n';
    const cgroups = '#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t4\t13\t1\nhugetlb\t0\t3\t1\n';
    const found = await findHierarchy(proc(v1 + v2(at), '4:memory:/x\n0::/\n', cgroups));
    expect(found).toMatchObject({ mountPoint: at, own: at });
    expect(['cpu', 'memory', 'hugetlb'].map((name) => found.v1.has(name))).toEqual([true, true, false]);
  });

  it('recognizes a container by cgroup.events, which a root does not have', async () => {
    const at = files(onEnd, { 'cgroup.events': 'populated 1\n' });
    expect(await findHierarchy(proc(v2(at), '0::/\n'))).toMatchObject({ isRoot: false, own: at });
  });

  it('follows a mount that shows only a part', async () => {
    const at = folder(onEnd);
    const mount = v2(at, { root: '/docker/abc' });
    expect((await findHierarchy(proc(mount, '0::/docker/abc/deep\n'))).own).toBe(join(at, 'deep'));
    expect((await findHierarchy(proc(mount, '0::/docker/abcd\n'))).own).toBeUndefined();
  });

  it('says that a cgroup out of the namespace is not visible', async () => {
    const at = folder(onEnd);
    expect((await findHierarchy(proc(v2(at), '0::/../other\n'))).own).toBeUndefined();
    expect((await findHierarchy(proc(v2(at, { root: '/..' }), '0::/\n'))).own).toBeUndefined();
  });

  it('prefers a mount in which this process is, then one that can be written', async () => {
    const [a, b, c] = [folder(onEnd), folder(onEnd), folder(onEnd)];
    const text = v2(a, { root: '/..' }) + v2(b, { options: 'ro' }) + v2(c);
    expect((await findHierarchy(proc(text, '0::/\n'))).mountPoint).toBe(c);
    expect((await findHierarchy(proc(text, '0::/\n'), join(b, 'x'))).mountPoint).toBe(b);
  });

  it('refuses with the remedy where cgroup v2 is not mounted', async () => {
    const text = '33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n';
    await expect(findHierarchy(proc(text, '1:cpu:/\n'))).rejects.toThrow(
      /^cgroup v2 is not mounted: .*unified_cgroup_hierarchy=1.*mount -t cgroup2/,
    );
  });

  it('refuses a folder that is not in the hierarchy', async () => {
    const at = folder(onEnd);
    await expect(findHierarchy(proc(v2(at), '0::/\n'), '/elsewhere')).rejects.toThrow(
      `/elsewhere is not in a cgroup v2 hierarchy: name a folder below ${at}`,
    );
  });
});
