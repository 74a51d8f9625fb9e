/** Random and damaged archives of images, as the server looks into them before anything is unpacked. */

import { mkdtempSync, rmSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { openArchive } from '../../src/images/archive.ts';
import { ImageFault } from '../../src/images/fault.ts';
import type { ImageSource } from '../../src/images/oci.ts';
import { dockerArchive, type Entry, makeParts, ociArchive, tar } from '../support/archives.ts';
import { mutate, pick, type Random } from '../support/random.ts';
import { fuzz } from './fuzz.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-fuzz-archives-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

const BLOCK = 512;
const NAMES = [
  'index.json',
  './oci-layout',
  'manifest.json',
  `blobs/sha256/${'0'.repeat(64)}`,
  '../x',
  '/',
  '',
  'a'.repeat(300),
] as const;

/** An archive of each kind, and one of entries that do not belong together. */
const randomArchive = (random: Random): Buffer => {
  const parts = makeParts([tar([{ path: 'x', content: 'y'.repeat(random(2000)) }]), tar([])], {
    Env: ['A=1'],
  });
  const entries = (): Entry[] =>
    Array.from({ length: random(6) }, () => ({
      path: pick(random, NAMES),
      type: pick(random, ['0', '1', '2', '5', 'x', 'L']),
      link: pick(random, NAMES),
      content: pick(random, ['', '{}', '[]', '{"manifests":[]}', '12 path=abc\n', 'x'.repeat(600)]),
    }));
  return pick(random, [ociArchive, dockerArchive, () => tar(entries())])(parts);
};

/** With right checksums in what looks like a header: else hardly any change would get past them. */
const withChecksums = (bytes: Buffer): Buffer => {
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return bytes;
};

/** What is found in an archive, read to the end of each layer; or why it is refused. */
const read = async (bytes: Buffer): Promise<{ source: ImageSource; sizes: number[] } | ImageFault> => {
  const path = join(folder, 'archive');
  await writeFile(path, bytes);
  await using file = await open(path);
  try {
    const source = await openArchive(path, file);
    const sizes: number[] = [];
    for (const layer of source.layers) {
      let size = 0;
      for await (const chunk of await layer.open()) size += chunk.length;
      sizes.push(size);
    }
    return { source, sizes };
  } catch (error) {
    // Anything else is a fault of the server.
    if (!(error instanceof ImageFault)) throw error;
    return error;
  }
};

describe('an archive of an image', () => {
  fuzz('that was changed is refused with a reason, or is an image within its bytes', 1500, async (random) => {
    const changed = mutate(random, randomArchive(random));
    const bytes = random(8) === 0 ? changed : withChecksums(changed);
    const found = await read(bytes);
    if (found instanceof ImageFault) {
      expect(found.message).toMatch(/^[^\n]{5,600}$/);
      return;
    }
    const { source, sizes } = found;
    expect(source.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.length).toBeLessThan(500);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(bytes.length);
    for (const { diffId } of source.layers) expect(diffId).toMatch(/^[0-9a-f]{64}$/);
  });

  fuzz('that is cut is refused, whatever it is', 150, async (random) => {
    const bytes = pick(random, [ociArchive, dockerArchive])(makeParts([tar([{ path: 'x', content: 'y' }])]));
    expect(await read(bytes)).not.toBeInstanceOf(ImageFault);
    // Before the first of the blocks that end it.
    expect(await read(bytes.subarray(0, random(bytes.length - 2 * BLOCK)))).toBeInstanceOf(ImageFault);
  });
});
