import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from '../../src/runtime/turns.ts';

/** Work that ends when it is told to. */
const works = (turns: Turns, key: string, began: string[]) => (name: string) => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const done = turns.take(key, () => {
    began.push(name);
    return promise;
  });
  return { done, end: () => resolve(name), fail: () => reject(new Error(name)) };
};

it('has so many of one key at a time, first come first served', async () => {
  const began: string[] = [];
  const work = works(new Turns(2), 'key', began);
  const [a, b, c, d] = [work('a'), work('b'), work('c'), work('d')];
  expect(began).toEqual(['a', 'b']);
  b.end();
  expect(await b.done).toBe('b');
  await setImmediate();
  expect(began).toEqual(['a', 'b', 'c']);
  a.end();
  await setImmediate();
  expect(began).toEqual(['a', 'b', 'c', 'd']);
  c.end();
  d.end();
  expect(await Promise.all([a.done, c.done, d.done])).toEqual(['a', 'c', 'd']);
});

it('lets nobody wait for another key', async () => {
  const turns = new Turns(1);
  const held = works(turns, 'held', [])('held');
  expect(await turns.take('free', async () => 'at once')).toBe('at once');
  held.end();
  await held.done;
});

it('hands the turn on when the work fails, and has room again in the end', async () => {
  const began: string[] = [];
  const work = works(new Turns(1), 'key', began);
  const [a, b] = [work('a'), work('b')];
  a.fail();
  await expect(a.done).rejects.toThrow('a');
  b.end();
  await b.done;
  const c = work('c');
  expect(began).toEqual(['a', 'b', 'c']);
  c.end();
  await c.done;
});
