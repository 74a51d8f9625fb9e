import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCellIds } from '../../src/runtime/ids/index.ts';
import { tryCell } from '../../src/runtime/test-cell.ts';
import { LAUNCHER } from '../support/cell.ts';
import { disposers } from '../support/disposers.ts';
import { ID_BASE } from '../support/image.ts';
import { cgroup, describeCgroups, folder } from './cgroup/fixture.ts';

const onEnd = disposers();

const ids = () => findCellIds({ launcher: LAUNCHER, idBase: ID_BASE });

describeCgroups('tryCell', () => {
  it('makes a cell, in a cgroup when it is told one, and leaves nothing', async () => {
    const at = join(folder(onEnd), 'test-cell');
    const parent = cgroup(onEnd);
    const path = join(parent, 'test-cell');
    const plan = { path, settings: [], collect: [] };
    expect(
      await tryCell({ clocks: false, launcher: LAUNCHER, ids: await ids(), folder: at }),
    ).toBeUndefined();
    expect(
      await tryCell({ clocks: false, launcher: LAUNCHER, ids: await ids(), folder: at, cgroup: plan }),
    ).toBeUndefined();
    expect([at, path].map(existsSync)).toEqual([false, false]);
  });

  it('tells the step that failed', async () => {
    const at = join(folder(onEnd), 'test-cell');
    const path = join(cgroup(onEnd), 'not', 'there');
    const plan = { path, settings: [], collect: [] };
    expect(
      await tryCell({ clocks: false, launcher: LAUNCHER, ids: await ids(), folder: at, cgroup: plan }),
    ).toMatchObject({
      step: 'cgroup',
      subject: path,
      errno: 2,
    });
    const broken = { ...(await ids()), overlay: 'no_such_option' };
    expect(await tryCell({ clocks: false, launcher: LAUNCHER, ids: broken, folder: at })).toMatchObject({
      step: 'overlay',
      errno: 22,
    });
    expect(existsSync(at)).toBe(false);
  });
});

describe('tryCell without a launcher', () => {
  it('fails, and leaves nothing', async () => {
    const at = join(folder(onEnd), 'test-cell');
    const missing = tryCell({ clocks: false, launcher: '/no/such/cell', ids: await ids(), folder: at });
    await expect(missing).rejects.toThrow('/no/such/cell');
    expect(existsSync(at)).toBe(false);
  });
});
