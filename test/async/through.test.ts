/** Iterators that stand between another one and its consumer. */

import { describe, expect, it } from 'vitest';
import { pull } from '../../src/async/pull.ts';
import { mapped } from '../../src/async/through.ts';

describe('a mapped iterator', () => {
  /** Numbers from 1 to 3, and how often they were released. */
  const numbers = () => {
    const seen = { released: 0 };
    let last = 0;
    const source = pull<number>(
      async () => (last < 3 ? { done: false, value: ++last } : { done: true, value: undefined }),
      () => {
        seen.released += 1;
      },
    );
    return { seen, texts: mapped(source, (number) => `<${number}>`) };
  };

  it('gives what is made of each item, and ends with its source', async () => {
    const { seen, texts } = numbers();
    const all: string[] = [];
    for await (const text of texts) all.push(text);
    expect(all).toEqual(['<1>', '<2>', '<3>']);
    expect(seen.released).toBe(1);
  });

  it('releases its source when it is returned or thrown into', async () => {
    const returned = numbers();
    await returned.texts.next();
    expect(await returned.texts.return?.()).toEqual({ done: true, value: undefined });
    expect(returned.seen.released).toBe(1);
    const failed = numbers();
    await expect(failed.texts.throw?.(new Error('over'))).rejects.toThrow('over');
    expect(failed.seen.released).toBe(1);
    expect(await failed.texts.next()).toEqual({ done: true, value: undefined });
  });
});
