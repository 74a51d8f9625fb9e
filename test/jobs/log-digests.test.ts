/** Logs are read for their digests once, and one at a time for each owner. */

import { expect, it } from 'vitest';
import { LogDigestCache } from '../../src/jobs/log-digests.ts';
import type { LogDigests } from '../../src/runtime/log/page.ts';

const none = { bytes: 0, sha256: '' };
const digests: LogDigests = { STDOUT: none, STDERR: none, TERMINAL: none, droppedBytes: 0, damagedBytes: 0 };

it('reads a log once for all who ask', async () => {
  const read: string[] = [];
  const cache = new LogDigestCache(async (id) => {
    read.push(id);
    return { ...digests, droppedBytes: read.length };
  });
  const [first, second] = await Promise.all([cache.of('a', 'alice'), cache.of('a', 'alice')]);
  expect(second).toBe(first);
  expect(await cache.of('a', 'alice')).toBe(first);
  expect((await cache.of('b', 'alice')).droppedBytes).toBe(2);
  expect(read).toEqual(['a', 'b']);
});

it('reads it again after a failure', async () => {
  let fails = true;
  const cache = new LogDigestCache(async () => {
    if (fails) throw new Error('EIO');
    return digests;
  });
  const [one, other] = await Promise.allSettled([cache.of('a', 'alice'), cache.of('a', 'alice')]);
  expect([one.status, other.status]).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await cache.of('a', 'alice')).toBe(digests);
});

it('reads one at a time for each owner', async () => {
  const waiting = new Map<string, () => void>();
  const cache = new LogDigestCache((id) => new Promise((resolve) => waiting.set(id, () => resolve(digests))));
  const all = ['a', 'b'].map((id) => cache.of(id, 'alice'));
  const other = cache.of('c', 'bob');
  await Promise.resolve();
  expect([...waiting.keys()]).toEqual(['a', 'c']);
  waiting.get('c')?.();
  expect(await other).toBe(digests);
  expect([...waiting.keys()]).toEqual(['a', 'c']);
  waiting.get('a')?.();
  await expect.poll(() => [...waiting.keys()]).toEqual(['a', 'c', 'b']);
  waiting.get('b')?.();
  await Promise.all(all);
});

it('forgets the one that was asked for least recently', async () => {
  const read: string[] = [];
  const cache = new LogDigestCache(async (id) => {
    read.push(id);
    return digests;
  }, 2);
  for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.of(id, 'alice');
  expect(read).toEqual(['a', 'b', 'c', 'b']);
});
