/** The record of images. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageContent, ImageName, ImageStore } from '../../src/jobs/image.ts';
import { openStore, type Store } from '../../src/store/sqlite-store.ts';
import { makeJob, STATES } from './fixture.ts';

let store: Store;
let images: ImageStore;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-images-'));
  store = openStore(join(folder, 'db'));
  images = store.images;
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const content = (digest: string): ImageContent => ({
  digest,
  layers: ['lowest', 'uppermost'],
  defaults: { env: [{ name: 'A', value: 'b' }], command: ['/bin/a', 'b'], user: '1:2', workdir: '/w' },
  sizeBytes: 3,
  createdAt: new Date(4),
});
const name = (text: string, digest: string, owner: string | null = null): ImageName => ({
  name: text,
  digest,
  owner,
  source: 's',
  createdAt: new Date(5),
});

describe('the record of images', () => {
  it('returns what was stored', async () => {
    await images.put(name('a', 'd1'), content('d1'));
    await images.put(name('b', 'd1', 'alice'), content('d1'));
    expect(await images.contents()).toEqual([content('d1')]);
    expect(await images.names()).toEqual([name('a', 'd1'), name('b', 'd1', 'alice')]);
  });

  it('changes the content of a name', async () => {
    await images.put(name('a', 'd1'), content('d1'));
    await images.put(name('a', 'd2'), content('d2'));
    expect(await images.names()).toEqual([name('a', 'd2')]);
    expect((await images.contents()).map(({ digest }) => digest)).toEqual(['d1', 'd2']);
  });

  it('keeps a content as long as it has a name', async () => {
    await images.put(name('a', 'd1'), content('d1'));
    await expect(images.removeContent('d1')).rejects.toThrow(/FOREIGN KEY/);
    await images.removeName('a');
    await images.removeContent('d1');
    expect(await images.contents()).toEqual([]);
  });

  it('knows the images of jobs that have not ended', async () => {
    for (const [index, state] of STATES.entries())
      await store.insert(makeJob({ imageDigest: `d-${state.status}-${index}` }, { state }));
    await store.insert(makeJob({ imageDigest: null }));
    const open = STATES.flatMap(({ status }, index) =>
      status === 'QUEUED' || status === 'RUNNING' ? [`d-${status}-${index}`] : [],
    );
    expect([...(await images.used())].sort()).toEqual(open.sort());
  });

  it('gives waiting jobs the current content of their image', async () => {
    const [waiting, other, ended] = [
      makeJob({ imageDigest: 'old' }),
      makeJob({ imageDigest: 'old', image: 'debian' }),
      makeJob({ imageDigest: 'old' }, { state: STATES[3] ?? { status: 'QUEUED' } }),
    ];
    for (const job of [waiting, other, ended]) await store.insert(job);
    await images.retarget('alpine', 'new');
    const digests = await Promise.all(
      [waiting, other, ended].map(async ({ id }) => (await store.get(id))?.spec.imageDigest),
    );
    expect(digests).toEqual(['new', 'old', 'old']);
  });
});
