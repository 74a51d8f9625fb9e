/** What is typed: how it is joined, and the keys that leave a job. */

import { describe, expect, it } from 'vitest';
import { gather } from '../../src/client/gather.ts';
import { KeyFilter, parseKeys } from '../../src/client/terminal-session.ts';

describe('gather', () => {
  /** Pieces that come when `give` is called, and how many have been asked for. */
  const scripted = () => {
    const asked: PromiseWithResolvers<Uint8Array>[] = [];
    const pieces = (async function* () {
      for (;;) {
        const next = Promise.withResolvers<Uint8Array>();
        asked.push(next);
        yield await next.promise;
      }
    })();
    /** Settles when all that can be read ahead has been. */
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    const give = async (text: string): Promise<void> => {
      asked.at(-1)?.resolve(Buffer.from(text));
      await settled();
    };
    const fail = (error: Error): void => asked.at(-1)?.reject(error);
    return { pieces, asked, give, fail };
  };

  it('joins what arrives while the last pieces are worked on, and reads so far ahead and no further', async () => {
    const { pieces, asked, give, fail } = scripted();
    const joined = gather(pieces, 6);
    const first = joined.next();
    await give('a');
    expect(String((await first).value)).toBe('a');
    await give('bc');
    await give('de');
    await give('fg');
    expect(asked.length).toBe(4);
    expect(String((await joined.next()).value)).toBe('bcdefg');
    await give('h');
    fail(new Error('broken'));
    // What came before an error comes before it.
    expect(String((await joined.next()).value)).toBe('h');
    await expect(joined.next()).rejects.toThrow('broken');
  });

  it('ends with its source', async () => {
    const source = async function* () {
      yield Buffer.from('x');
    };
    const all: string[] = [];
    for await (const bytes of gather(source(), 1)) all.push(String(bytes));
    expect(all).toEqual(['x']);
  });
});

describe('KeyFilter', () => {
  const feed = (keys: string, ...typed: readonly string[]): string => {
    const filter = new KeyFilter(parseKeys(keys) ?? Buffer.alloc(0));
    return typed
      .map((text) => {
        const { bytes, complete } = filter.take(Buffer.from(text));
        return `${Buffer.from(bytes)}${complete ? '!' : ''}`;
      })
      .join('|');
  };

  it('finds a sequence in one piece or in several, and passes on what only begins like it', () => {
    expect(feed('ctrl-p,ctrl-q', 'ab', 'c\x10\x11d')).toBe('ab|c!');
    expect(feed('ctrl-p,ctrl-q', 'a\x10', '\x11')).toBe('a|!');
    expect(feed('ctrl-p,ctrl-q', 'a\x10', 'b', '\x11')).toBe('a|\x10b|\x11');
    expect(feed('ctrl-p,ctrl-q', '\x10\x10', '\x11')).toBe('\x10|!');
    expect(feed('ctrl-a,d', '\x01\x01d')).toBe('\x01!');
  });
});
