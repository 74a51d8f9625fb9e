/** Random cursors. */

import { describe, expect } from 'vitest';
import { CursorError, formatCursor, parseCursor } from '../../src/runtime/log/cursor.ts';
import { mutate, pick } from '../support/random.ts';
import { randomCursor } from './cursors.ts';
import { fuzz } from './fuzz.ts';

/** What a function throws, or `undefined`. */
const thrown = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('a cursor', () => {
  fuzz(
    'that was changed is refused by a CursorError, or is the only spelling of a place',
    20_000,
    (random) => {
      const text = randomCursor(random);
      expect(formatCursor(parseCursor(text))).toBe(text);
      const changed = mutate(random, Buffer.from(text)).toString(pick(random, ['utf8', 'latin1']));
      const error = thrown(() => parseCursor(changed));
      if (error === undefined) expect(formatCursor(parseCursor(changed))).toBe(changed);
      else expect(error).toBeInstanceOf(CursorError);
    },
  );
});
