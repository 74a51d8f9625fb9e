/** Enabling cgroup controllers. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { enableControllers, explain } from '../../../src/runtime/cgroup/controllers.ts';
import type { Hierarchy } from '../../../src/runtime/cgroup/hierarchy.ts';
import { disposers } from '../../support/disposers.ts';
import { files } from './fixture.ts';

const onEnd = disposers();

/** Folders that look like cgroups, with plain files: what is written replaces what was there. */
const line = (...levels: readonly (readonly [controllers: string, enabled: string])[]): string[] =>
  levels.map(([controllers, enabled]) =>
    files(onEnd, { 'cgroup.controllers': controllers, 'cgroup.subtree_control': enabled }),
  );
const control = (path: string | undefined) =>
  readFileSync(join(path ?? '', 'cgroup.subtree_control'), 'utf8');
const nobody = async () => false;

describe('enableControllers', () => {
  it('enables on each level what is available and not yet enabled', async () => {
    const paths = line(['cpu io memory\n', 'cpu\n'], ['cpu io memory\n', 'cpu io memory\n']);
    expect(await enableControllers(paths, ['cpu', 'memory'], nobody)).toEqual(new Map());
    expect(paths.map(control)).toEqual(['+memory', 'cpu io memory\n']);
  });

  it('says where a controller was refused, and does not try further down', async () => {
    const paths = line(['cpu\n', 'cpu\n'], ['cpu memory\n', 'cpu\n']);
    const refused = await enableControllers(paths, ['cpu', 'memory'], nobody);
    expect(refused).toEqual(new Map([['memory', { path: paths[0], code: 'absent' }]]));
    expect(paths.map(control)).toEqual(['cpu\n', 'cpu\n']);
  });
});

describe('explain', () => {
  const hierarchy: Hierarchy = {
    mountPoint: '/sys/fs/cgroup',
    isRoot: true,
    readOnly: false,
    own: undefined,
    v1: new Set(['memory', 'blkio']),
  };
  const at = (code: string) => ({ path: '/sys/fs/cgroup/a', code });

  it.each([
    ['memory', true, 'bound to cgroup v1', 'systemd.unified_cgroup_hierarchy=1'],
    ['io', true, 'bound to cgroup v1', 'systemd.unified_cgroup_hierarchy=1'],
    ['memory', false, 'bound to cgroup v1', 'systemd.unified_cgroup_hierarchy=1'],
    ['pids', true, 'not in this kernel', 'CONFIG_CGROUP_PIDS'],
    ['pids', false, 'not handed to this container', "above the container's"],
  ] as const)('knows why %s is absent (on a machine: %s)', (name, isRoot, reason, remedy) => {
    const obstacle = explain(name, at('absent'), { ...hierarchy, isRoot });
    expect(obstacle.reason).toContain(`"${name}" is ${reason}`);
    expect(obstacle.remedy).toContain(remedy);
  });

  it.each([
    ['cpu', 'EACCES', 'may not be enabled in /sys/fs/cgroup/a (EACCES)', 'Delegate=yes'],
    ['cpu', 'EROFS', 'may not be enabled in /sys/fs/cgroup/a (EROFS)', 'writable-cgroups=true'],
    ['cpu', 'EBUSY', 'cannot be enabled in /sys/fs/cgroup/a, where processes live', '--cgroup-root'],
    ['cpu', 'EINVAL', 'was refused in /sys/fs/cgroup/a (EINVAL)', 'real-time'],
    ['pids', 'EINVAL', 'was refused in /sys/fs/cgroup/a (EINVAL)', '--cgroup-root'],
    ['cpu', 'EOPNOTSUPP', 'was refused in /sys/fs/cgroup/a (EOPNOTSUPP)', '--cgroup-root'],
  ] as const)('knows what to do about %s and %s', (name, code, reason, remedy) => {
    const obstacle = explain(name, at(code), hierarchy);
    expect(obstacle.reason).toBe(`the cgroup controller "${name}" ${reason}`);
    expect(obstacle.remedy).toContain(remedy);
  });

  it('names the unit of user managers, which are given some controllers only', () => {
    for (const path of ['/sys/fs/cgroup/user.slice', '/sys/fs/cgroup/user.slice/user-1000.slice'])
      expect(explain('io', { path, code: 'EACCES' }, hierarchy).remedy).toContain(
        'systemctl edit user@.service',
      );
  });

  it('names the settings of WSL on its kernel', () => {
    const { remedy } = explain('memory', at('absent'), hierarchy, '5.15.167.4-microsoft-standard-WSL2');
    expect(remedy).toContain('kernelCommandLine=cgroup_no_v1=all');
    expect(remedy).toContain('.wslconfig');
  });
});
