/** Makes random cursors, well formed and not. */

import { formatCursor } from '../../src/runtime/log/cursor.ts';
import { NOTHING } from '../../src/runtime/log/utf8.ts';
import { pick, type Random } from '../support/random.ts';

const PENDING = [
  NOTHING,
  Uint8Array.of(0xc3),
  Uint8Array.of(0xe2, 0x82),
  Uint8Array.of(0xf0, 0x9f, 0x98),
] as const;

/** A cursor that is well formed. */
export const randomCursor = (random: Random): string =>
  formatCursor({
    frame: pick(random, [0, 1, 16, 65_552, 2 ** 32, Number.MAX_SAFE_INTEGER]),
    taken: pick(random, [0, 1, 7, 65_536, 1 << 20]),
    pending: {
      STDOUT: pick(random, PENDING),
      STDERR: pick(random, PENDING),
      TERMINAL: pick(random, PENDING),
    },
  });
