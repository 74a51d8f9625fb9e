/** Removing cgroups that were left. */

import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { moveProcesses } from '../../../src/runtime/cgroup/move.ts';
import { removeCgroup, removeFolders, removeIfEmpty } from '../../../src/runtime/cgroup/remove.ts';
import { sweep } from '../../../src/runtime/cgroup/sweep.ts';
import { disposers } from '../../support/disposers.ts';
import { cgroup, describeCgroups, files, folder, pids, sleeper } from './fixture.ts';

const onEnd = disposers();

describeCgroups('removeCgroup', () => {
  it('kills what lives in a cgroup and below it, and removes them all', async () => {
    const path = cgroup(onEnd);
    const inner = join(path, 'a', 'b');
    mkdirSync(inner, { recursive: true });
    mkdirSync(join(path, 'c'));
    const children = [await sleeper(onEnd, path), await sleeper(onEnd, inner)];
    const exits = children.map((child) => once(child, 'exit'));
    await removeCgroup(path);
    expect(existsSync(path)).toBe(false);
    for (const exit of exits) expect(await exit).toEqual([null, 'SIGKILL']);
  });

  it('removes one after the other, trying again while their last processes are still being freed', async () => {
    for (let round = 0; round < 25; round++) {
      const path = cgroup(onEnd);
      await sleeper(onEnd, path);
      await removeCgroup(path);
      expect(existsSync(path)).toBe(false);
    }
  });

  it('does nothing for one that is gone', async () => {
    await expect(removeCgroup(join(cgroup(onEnd), 'gone'))).resolves.toBeUndefined();
  });

  it('can be called twice at the same time', async () => {
    // One is faster, and the kernel may report to the other only what has become of a cgroup that is gone.
    for (let round = 0; round < 50; round++) {
      const path = cgroup(onEnd);
      await sleeper(onEnd, path);
      await Promise.all([removeCgroup(path), removeCgroup(path)]);
      expect(existsSync(path)).toBe(false);
    }
  });
});

describe('removeCgroup of a folder that behaves like none', () => {
  it('fails when what it killed does not end in time', async () => {
    const path = files(onEnd, { 'cgroup.kill': '', 'cgroup.events': 'populated 1\nfrozen 0\n' });
    await expect(removeCgroup(path, 20)).rejects.toThrow(`${path}: killed processes live on after 20 ms`);
  });

  it('fails where there is no cgroup.kill', async () => {
    const path = folder(onEnd);
    await expect(removeCgroup(path)).rejects.toThrow('cgroup.kill');
  });
});

describeCgroups('removeFolders', () => {
  it('keeps trying, up to its limit, to remove a cgroup that the kernel reports as busy', async () => {
    const path = cgroup(onEnd);
    const child = await sleeper(onEnd, path);
    const began = performance.now();
    await expect(removeFolders(path, 60)).rejects.toThrow('EBUSY');
    expect(performance.now() - began).toBeGreaterThanOrEqual(60);
    const removal = removeFolders(path, 20_000);
    child.kill('SIGKILL');
    await removal;
    expect(existsSync(path)).toBe(false);
  });
});

describeCgroups('removeIfEmpty', () => {
  it('leaves a cgroup in which something lives, or that has others below', async () => {
    const [full, parent, empty] = [cgroup(onEnd), cgroup(onEnd), cgroup(onEnd)];
    await sleeper(onEnd, full);
    mkdirSync(join(parent, 'child'));
    expect(await Promise.all([full, parent, empty].map(removeIfEmpty))).toEqual([false, false, true]);
    expect([full, parent, empty].map((path) => existsSync(path))).toEqual([true, true, false]);
    expect(await removeIfEmpty(empty)).toBe(true);
  });
});

describeCgroups('sweep', () => {
  it('removes the cgroups of jobs that do not live, and leaves the others as they are', async () => {
    const jobs = cgroup(onEnd);
    const [live, dead, empty] = ['live', 'dead', 'empty'].map((id) => join(jobs, id)) as [
      string,
      string,
      string,
    ];
    for (const path of [live, dead, empty]) mkdirSync(path);
    const survivor = await sleeper(onEnd, live);
    const exit = once(await sleeper(onEnd, dead), 'exit');
    const { removed, left } = await sweep(jobs, (id) => id === basename(live));
    expect(removed.toSorted()).toEqual(['dead', 'empty']);
    expect(left).toEqual([]);
    expect(await exit).toEqual([null, 'SIGKILL']);
    expect(pids(live)).toEqual([survivor.pid]);
    expect([dead, empty].map((path) => existsSync(path))).toEqual([false, false]);
  });
});

describe('sweep of folders that behave like no cgroups', () => {
  it('reports what could not be removed, and why, and continues with the rest', async () => {
    const jobs = files(onEnd, { 'stuck/other': '', 'a-file': '' });
    const { removed, left } = await sweep(jobs, () => false);
    expect(removed).toEqual([]);
    expect(left).toEqual([{ id: 'stuck', reason: expect.stringContaining('cgroup.kill') }]);
  });
});

describeCgroups('moveProcesses', () => {
  it('moves every process, and none when there is none', async () => {
    const [from, to] = [cgroup(onEnd), cgroup(onEnd)];
    await moveProcesses(from, to);
    const sleepers = [await sleeper(onEnd, from), await sleeper(onEnd, from)];
    await moveProcesses(from, to);
    expect(pids(from)).toEqual([]);
    expect(pids(to).toSorted()).toEqual(sleepers.map(({ pid }) => pid).toSorted());
  });

  it('ignores a process that has ended since', async () => {
    const ended = await sleeper(onEnd, cgroup(onEnd));
    const exit = once(ended, 'exit');
    ended.kill('SIGKILL');
    await exit;
    const from = files(onEnd, { 'cgroup.procs': `${ended.pid}\n` });
    await expect(moveProcesses(from, cgroup(onEnd))).resolves.toBeUndefined();
  });

  it('refuses processes that it cannot see', async () => {
    const from = files(onEnd, { 'cgroup.procs': '0\n' });
    await expect(moveProcesses(from, '/nowhere')).rejects.toThrow('another pid namespace');
  });
});
