/** Cells whose image has several layers. */

import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LaunchPlan, MOST_LOWERS } from '../../src/runtime/protocol/plan.ts';
import { CellBench } from '../support/cell.ts';
import { ID_BASE, testImage } from '../support/image.ts';

let bench: CellBench;
let folder: string;

beforeAll(() => {
  bench = new CellBench();
  folder = mkdtempSync(join(tmpdir(), 'cloister-layers-'));
});

afterAll(async () => {
  await bench.close();
  rmSync(folder, { recursive: true });
});

const SLOT = [{ inside: 0, outside: ID_BASE + 7 * 65_536, count: 65_536 }];

/** Layers of one file each, whose owner is root of the cell, with ids of a range of its own. */
const layered = async (
  names: readonly string[],
  files = (name: string): readonly string[] => [name, 'which'],
): Promise<Partial<LaunchPlan>> => {
  const lowers = names.map((name) => {
    const path = join(folder, name);
    mkdirSync(path, { mode: 0o755 });
    chownSync(path, ID_BASE, ID_BASE);
    for (const file of files(name)) {
      writeFileSync(join(path, file), `${name}\n`);
      chownSync(join(path, file), ID_BASE, ID_BASE);
    }
    return path;
  });
  const [image = '', ...rest] = lowers;
  return {
    uids: SLOT,
    gids: SLOT,
    root: {
      image,
      lowers: [...rest, await testImage()],
      owners: { uid: ID_BASE, gid: ID_BASE },
      layerOptions: 'mode=755,size=67108864',
      overlayOptions: '',
    },
  };
};

describe('a cell with several layers', () => {
  it('sees all of them, and of two files that of the upper one', async () => {
    const plan = await layered(['top', 'middle', 'bottom']);
    const { stdout, stderr } = await bench.sh('cd /; cat top middle bottom which; stat -c %u which', plan);
    expect(stderr).toBe('');
    expect(stdout).toBe('top\nmiddle\nbottom\ntop\n0\n');
  });

  it('can have as many as an overlay of the kernel takes', async () => {
    const ENDS = ['n0', `n${MOST_LOWERS - 1}`];
    const names = Array.from({ length: MOST_LOWERS }, (_, number) => `n${number}`);
    const plan = await layered(names, (name) => (ENDS.includes(name) ? [name] : []));
    const { stdout, record } = await bench.sh('cat /n0 /n498', plan);
    expect(record.failure).toBeNull();
    expect(stdout).toBe('n0\nn498\n');
  });

  it('does not start when one of them is missing', async () => {
    const plan = await layered(['there']);
    const { record } = await bench.sh('true', {
      ...plan,
      root: { ...plan.root, lowers: [join(folder, 'gone')] },
    } as Partial<LaunchPlan>);
    expect(record.failure).toMatchObject({ step: 'image', subject: join(folder, 'gone') });
  });
});
