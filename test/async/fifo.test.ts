/** Lists of which the first is taken out. */

import { expect, it } from 'vitest';
import { Fifo } from '../../src/async/fifo.ts';

it('gives everything once, in order, whenever it is added', () => {
  const fifo = new Fifo<number | undefined>();
  const taken: (number | undefined)[] = [];
  for (let item = 0; item < 100; item++) {
    fifo.push(item);
    if (item % 3 !== 0) taken.push(fifo.shift());
  }
  expect(fifo.size).toBe(100 - taken.length);
  while (fifo.size > 0) taken.push(fifo.shift());
  expect(taken).toEqual(Array.from({ length: 100 }, (_, item) => item));
  expect(fifo.shift()).toBeUndefined();
  // Of what it does not have it takes nothing out.
  fifo.push(undefined);
  expect(fifo.size).toBe(1);
});
