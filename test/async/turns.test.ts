/** Work that is spread over turns of the event loop. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../src/async/turns.ts';

const begin = (turns: Turns, weights: readonly number[]): number[] => {
  const begun: number[] = [];
  for (const [index, weight] of weights.entries()) turns.start(weight, () => begun.push(index));
  return begun;
};

it('is started at once as far as there is room, and then in order', async () => {
  const begun = begin(
    new Turns(3),
    Array.from({ length: 8 }, () => 1),
  );
  const counts = [begun.length];
  for (let turn = 0; turn < 3; turn++) {
    await nextTurn();
    counts.push(begun.length);
  }
  expect(counts).toEqual([3, 6, 8, 8]);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

it('of more weight than one turn takes has a turn for itself', async () => {
  const begun = begin(new Turns(3), [1, 50, 50, 1]);
  expect(begun).toEqual([0, 1]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3]);
});

it('passes nothing that waits, and has all of the room again in the next turn', async () => {
  const turns = new Turns(2);
  const begun = begin(turns, [1, 1, 1]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2]);
  await nextTurn();
  expect(begin(turns, [1, 1, 1])).toEqual([0, 1]);
});
