/** Work that is spread over turns of the event loop. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns, type Whose } from '../../src/async/turns.ts';

const LONG_MS = 1_000_000;
const ALICE: Whose = { group: 'alice', member: '' };

const begin = (turns: Turns, weights: readonly number[]): number[] => {
  const begun: number[] = [];
  for (const [index, weight] of weights.entries()) turns.start(ALICE, weight, () => begun.push(index));
  return begun;
};

it('is started at once as far as there is room, and then in order', async () => {
  const begun = begin(
    new Turns({ weight: 3, ms: LONG_MS }),
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
  const begun = begin(new Turns({ weight: 3, ms: LONG_MS }), [1, 50, 50, 1]);
  expect(begun).toEqual([0, 1]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3]);
});

it('passes nothing that waits, and has all of the room again in the next turn', async () => {
  const turns = new Turns({ weight: 2, ms: LONG_MS });
  const begun = begin(turns, [1, 1, 1]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2]);
  await nextTurn();
  expect(begin(turns, [1, 1, 1])).toEqual([0, 1]);
});

it('takes no more than some time of a turn, with what it does by promises', async () => {
  let nowMs = 0;
  const turns = new Turns({ weight: 100, ms: 10 }, () => nowMs);
  const begun: number[] = [];
  for (let index = 0; index < 9; index++)
    turns.start(ALICE, 1, () => {
      begun.push(index);
      // The first three take 4 ms each at once, those that wait take them by promises.
      if (index < 3) nowMs += 4;
      else
        void Promise.resolve()
          .then(() => Promise.resolve())
          .then(() => {
            nowMs += 4;
          });
    });
  expect(begun).toEqual([0, 1, 2]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

it('is begun in turns among groups, and in them among members', async () => {
  const turns = new Turns({ weight: 1, ms: LONG_MS });
  const begun: string[] = [];
  const add = (group: string, member: string, count: number): void => {
    for (let number = 1; number <= count; number++)
      turns.start({ group, member }, 1, () => begun.push(`${group}${member}${number}`));
  };
  add('a', '', 4);
  add('b', '', 2);
  add('c', 'x', 3);
  add('c', 'y', 1);
  await expect.poll(() => begun.length).toBe(10);
  expect(begun).toEqual(['a1', 'a2', 'b1', 'cx1', 'a3', 'b2', 'cy1', 'a4', 'cx2', 'cx3']);
});

it('can be waited for', async () => {
  const turns = new Turns({ weight: 1, ms: LONG_MS });
  const begun: number[] = [];
  const wait = async (number: number): Promise<void> => {
    await turns.next(ALICE, 1);
    begun.push(number);
  };
  const both = Promise.all([wait(1), wait(2)]);
  await Promise.resolve();
  expect(begun).toEqual([1]);
  await both;
  expect(begun).toEqual([1, 2]);
});

it('is left to further turns while others connect, for as long as it may take of one', async () => {
  let nowMs = 100;
  const turns = new Turns({ weight: 1, ms: 10 }, () => nowMs);
  const begun: number[] = [];
  const connect = (): void => {
    turns.arrived();
    turns.start(ALICE, 1, () => begun.push(begun.length));
  };
  const counts: number[] = [];
  for (let turn = 0; turn < 8; turn++) {
    connect();
    counts.push(begun.length);
    await nextTurn();
    nowMs += 4;
  }
  // One when nothing was begun lately, then none for 10 ms, which are three turns.
  expect(counts).toEqual([0, 1, 1, 1, 2, 2, 2, 3]);
  await expect.poll(() => begun.length).toBe(8);
  begin(turns, [1]);
  expect(begun).toHaveLength(8);
});
