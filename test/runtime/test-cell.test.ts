/** The cell that shows whether cells can be made. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCellIds } from '../../src/runtime/ids/index.ts';
import { tryCell } from '../../src/runtime/test-cell.ts';
import { LAUNCHER } from '../support/cell.ts';
import { disposers } from '../support/disposers.ts';
import { ID_BASE, testImage } from '../support/image.ts';
import { cgroup, describeCgroups, folder } from './cgroup/fixture.ts';

const onEnd = disposers();

const ids = () => findCellIds({ launcher: LAUNCHER, idBase: ID_BASE });

describeCgroups('tryCell', () => {
  it('makes a cell, in a cgroup if it is given one, and leaves nothing', async () => {
    const state = folder(onEnd);
    const at = join(state, 'test-cell');
    const imagesDir = join(state, 'images');
    const parent = cgroup(onEnd);
    const path = join(parent, 'test-cell');
    const plan = { path, settings: [], collect: [] };
    expect(
      await tryCell({
        clocks: false,
        devices: false,
        launcher: LAUNCHER,
        ids: await ids(),
        folder: at,
        imagesDir,
      }),
    ).toBeUndefined();
    expect(
      await tryCell({
        clocks: false,
        devices: false,
        launcher: LAUNCHER,
        ids: await ids(),
        folder: at,
        imagesDir,
        cgroup: plan,
      }),
    ).toBeUndefined();
    expect([at, path].map(existsSync)).toEqual([false, false]);
    expect(readdirSync(imagesDir)).toEqual([]);
  });

  it('is made of the image that is unpacked, where nothing can be written', async () => {
    const state = folder(onEnd);
    const cell = {
      clocks: false,
      devices: false,
      launcher: LAUNCHER,
      ids: await ids(),
      folder: join(state, 'test-cell'),
    };
    const imagesDir = join(state, 'images');
    mkdirSync(imagesDir);
    execFileSync('mount', ['--bind', join(await testImage(), '..'), imagesDir]);
    onEnd(() => execFileSync('umount', [imagesDir]));
    execFileSync('mount', ['-o', 'remount,bind,ro', imagesDir]);
    expect(await tryCell({ ...cell, imagesDir })).toBeUndefined();
  });

  it('reports the step that failed', async () => {
    const state = folder(onEnd);
    const at = join(state, 'test-cell');
    const imagesDir = join(state, 'images');
    const path = join(cgroup(onEnd), 'not', 'there');
    const plan = { path, settings: [], collect: [] };
    expect(
      await tryCell({
        clocks: false,
        devices: false,
        launcher: LAUNCHER,
        ids: await ids(),
        folder: at,
        imagesDir,
        cgroup: plan,
      }),
    ).toMatchObject({
      step: 'cgroup',
      subject: path,
      errno: 2,
    });
    const broken = { ...(await ids()), overlay: 'no_such_option' };
    expect(
      await tryCell({
        clocks: false,
        devices: false,
        launcher: LAUNCHER,
        ids: broken,
        folder: at,
        imagesDir,
      }),
    ).toMatchObject({
      step: 'overlay',
      errno: 22,
    });
    expect(existsSync(at)).toBe(false);
  });
});

describe('tryCell without a launcher', () => {
  it('fails, and leaves nothing', async () => {
    const state = folder(onEnd);
    const at = join(state, 'test-cell');
    const imagesDir = join(state, 'images');
    const missing = tryCell({
      clocks: false,
      devices: false,
      launcher: '/no/such/cell',
      ids: await ids(),
      folder: at,
      imagesDir,
    });
    await expect(missing).rejects.toThrow('/no/such/cell');
    expect(existsSync(at)).toBe(false);
  });
});
