/** The layer below all others of an image that lacks the folders which every cell mounts something on. */

import { createHash } from 'node:crypto';
import type { LayerSource } from './oci.ts';

/** What the launcher mounts on. */
export const MOUNTED_FOLDERS = ['proc', 'sys', 'dev'] as const;

const BLOCK = 512;

/** A tar archive of these folders, which belong to root of the cell. */
const archive = (): Buffer => {
  const blocks = MOUNTED_FOLDERS.map((name) => {
    const block = Buffer.alloc(BLOCK);
    block.write(`${name}/`, 0);
    block.write('0000755\0', 100);
    for (const at of [108, 116]) block.write('0000000\0', at);
    for (const at of [124, 136]) block.write('00000000000\0', at);
    block.write('        ', 148);
    block.write('5', 156);
    block.write('ustar\u000000', 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return block;
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
};

const BYTES = archive();

/** The layer, made from an archive like any other. */
export const BASE_LAYER: LayerSource = {
  diffId: createHash('sha256').update(BYTES).digest('hex'),
  digest: null,
  open: async function* () {
    yield BYTES;
  },
};
