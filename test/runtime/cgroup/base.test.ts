/** In which cgroup the server makes its tree. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBase } from '../../../src/runtime/cgroup/base.ts';
import { disposers } from '../../support/disposers.ts';
import { files, folder } from './fixture.ts';

const onEnd = disposers();

const procOf = (at: string, own: string, init = '/init.scope'): string =>
  files(onEnd, {
    'self/mountinfo': `35 24 0:30 / ${at} rw shared:9 - cgroup2 cgroup2 rw\n`,
    'self/cgroup': `0::${own}\n`,
    '1/cgroup': `0::${init}\n`,
  });

/** Where the tree goes for a process in `own`, with PID 1 in `init`, when systemd delegated `units`. */
const place = async (
  at: string,
  own: string,
  { init = '/init.scope', units = [] as readonly string[] } = {},
): Promise<string> => {
  const proc = procOf(at, own, init);
  const isDelegated = async (unit: string) => units.includes(unit);
  const { kind, path } = await findBase({ proc, isDelegated, isWritable: async () => true });
  return `${kind} ${path.replace(at, '') || '/'}`;
};
const container = () => files(onEnd, { 'cgroup.events': 'populated 1\n' });

describe('findBase', () => {
  it('takes the unit that systemd delegated', async () => {
    const units = ['a.service'];
    const at = folder(onEnd);
    expect(await place(at, '/system.slice/a.service', { units })).toBe('unit /system.slice/a.service');
    // DelegateSubgroup= starts it one below.
    expect(await place(at, '/system.slice/a.service/main', { units })).toBe('unit /system.slice/a.service');
    expect(await place(container(), '/system.slice/a.service', { units })).toBe(
      'unit /system.slice/a.service',
    );
  });

  it('leaves a unit that was not delegated, and the session of a user, alone', async () => {
    const at = folder(onEnd);
    expect(await place(at, '/system.slice/a.service', { units: ['b.service'] })).toBe('top /');
    expect(await place(at, '/user.slice/user-0.slice/session-3.scope')).toBe('top /');
    const units = ['user@1000.service'];
    expect(await place(at, '/user.slice/user@1000.service/app.slice/b.scope', { units })).toBe('top /');
  });

  it('takes the whole of a container with a cgroup namespace of its own, wherever in it the server is', async () => {
    expect(await place(container(), '/', { init: '/' })).toBe('container /');
    expect(await place(container(), '/cloister-others', { init: '/cloister-others' })).toBe('container /');
  });

  it('takes the cgroup that is shared with PID 1, that of a container in the namespace of the machine', async () => {
    const at = folder(onEnd);
    expect(await place(at, '/docker/abc', { init: '/docker/abc' })).toBe('container /docker/abc');
    expect(await place(at, '/docker/abc', { init: '/init.scope' })).toBe('top /');
    expect(await place(at, '/docker/abc', { init: '/docker' })).toBe('top /');
  });

  it('chooses the same again when it is started from inside an earlier tree', async () => {
    const at = folder(onEnd);
    const others = '/docker/abc/cloister-others';
    expect(await place(at, others, { init: others })).toBe('container /docker/abc');
    expect(await place(at, '/docker/abc/cloister-0123abcd/server', { init: others })).toBe(
      'container /docker/abc',
    );
    expect(await place(at, '/cloister-0123abcd/server')).toBe('top /');
    const unit = '/system.slice/a.service/cloister-0123abcd/server';
    expect(await place(at, unit, { units: ['a.service'] })).toBe('unit /system.slice/a.service');
  });

  it('asks the systemd of the user about a unit of the user', async () => {
    const own = '/user.slice/user-1000.slice/user@1000.service/app.slice/b.scope';
    const asked: string[] = [];
    const at = folder(onEnd);
    const proc = procOf(at, own);
    const base = await findBase({
      proc,
      isDelegated: async (unit, manager) => asked.push(`${manager} ${unit}`) > 0,
    });
    expect(asked).toEqual(['user b.scope']);
    expect(base).toMatchObject({ kind: 'unit', path: join(at, own) });
  });

  it('takes the cgroup that it was started in, where that is all it may write', async () => {
    const at = folder(onEnd);
    const took = async (own: string, options: { systemd: boolean; writable: string }) => {
      const isWritable = async (path: string) => path === join(at, options.writable);
      const { kind, path } = await findBase({
        proc: procOf(at, own),
        isDelegated: async () => false,
        isWritable,
        systemd: options.systemd,
      });
      return `${kind} ${path.replace(at, '') || '/'}`;
    };
    expect(await took('/alice', { systemd: false, writable: '/alice' })).toBe('own /alice');
    expect(await took('/alice/cloister-others', { systemd: false, writable: '/alice' })).toBe('own /alice');
    expect(await took('/alice', { systemd: false, writable: '/bob' })).toBe('top /');
    expect(await took('/alice', { systemd: false, writable: '/' })).toBe('top /');
    // Its files may be the user's: they are still in the hands of systemd.
    const scope = '/user.slice/user@1000.service/b.scope';
    expect(await took(scope, { systemd: true, writable: scope })).toBe('top /');
    expect(await took(scope, { systemd: false, writable: scope })).toBe(`own ${scope}`);
  });

  it('goes to the top of the hierarchy when nothing is closer', async () => {
    expect(await place(folder(onEnd), '/', { init: '/' })).toBe('top /');
  });

  it('takes what it is given', async () => {
    const at = folder(onEnd);
    const proc = files(onEnd, {
      'self/mountinfo': `35 24 0:30 / ${at} rw - cgroup2 cgroup2 rw\n`,
      'self/cgroup': '0::/system.slice/a.service\n',
    });
    const base = await findBase({ root: `${at}/x/../mine/`, proc, isDelegated: async () => true });
    expect(base).toMatchObject({ kind: 'given', path: join(at, 'mine') });
    await expect(findBase({ root: '/elsewhere', proc })).rejects.toThrow('not in a cgroup v2 hierarchy');
  });
});
