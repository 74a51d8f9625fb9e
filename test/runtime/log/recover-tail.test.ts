/** The end of a truncated output whose supervisor was killed. */

import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLogPage } from '../../../src/runtime/log/reader.ts';
import { recoverTail } from '../../../src/runtime/log/recover-tail.ts';
import { payloadCheck } from '../../../src/runtime/log/tail-frames.ts';
import { JOB_FILES } from '../../../src/state/paths.ts';
import { unchecked } from '../../fuzz/model.ts';
import { dropped, logOf, out } from './fixture.ts';

/** A log with the two parts of a tail, and, next to it, where it ended if that was noted. */
const leave = async (log: readonly Buffer[], parts: readonly (readonly Buffer[])[], end?: string) => {
  const path = await logOf(...log);
  const nextTo = (name: string): string => join(dirname(path), name);
  for (const [number, frames] of parts.entries())
    await writeFile(nextTo(`tail.${number}`), Buffer.concat(frames));
  if (end !== undefined) await writeFile(nextTo('tail.end'), end);
  return { path, nextTo };
};

const saved = async (path: string): Promise<Buffer> => {
  await recoverTail(path);
  return readFile(path);
};

const HEAD = [out('head 1\n'), out('head 2\n')];

interface Release {
  readonly release: string;
  /** A frame as that release writes it. */
  readonly frame: (frame: Buffer) => Buffer;
  /** Output in a part. */
  readonly kept: (content: string) => Buffer;
}

const RELEASES: readonly Release[] = [
  { release: 'this release', frame: (frame) => frame, kept: out },
  {
    release: 'an earlier release',
    frame: unchecked,
    kept: (content) => Buffer.concat([unchecked(out(content)), payloadCheck(Buffer.from(content))]),
  },
];

describe.each(RELEASES)(
  'the end of an output that a killed supervisor of $release has left',
  ({ frame, kept }) => {
    const mark = (count: number): Buffer => frame(dropped(count));
    const output = (content: string): Buffer => frame(out(content));
    const OLDER = [mark(70), kept('older 1\n'), kept('older 2\n')];
    const NEWER = [mark(100), kept('newer 1\n'), kept('newer 2\n')];
    const WHOLE = Buffer.concat([
      ...HEAD,
      dropped(100),
      ...['older 1\n', 'older 2\n', 'newer 1\n', 'newer 2\n'].map(output),
    ]);

    it.each([
      ['in the order of the files', [OLDER, NEWER]],
      ['in the other order', [NEWER, OLDER]],
    ])('is appended to the log, %s', async (_name, parts) => {
      const { path } = await leave(HEAD, parts);
      expect(await saved(path)).toEqual(WHOLE);
    });

    it('is without a mark where nothing was dropped', async () => {
      const { path } = await leave(HEAD, [
        [mark(0), kept('a')],
        [mark(0), kept('b')],
      ]);
      expect(await saved(path)).toEqual(Buffer.concat([...HEAD, output('a'), output('b')]));
    });

    it.each([
      ['has only begun', [[mark(0), kept('a')], []], [output('a')]],
      ['has just turned over', [[mark(0), kept('a')], [mark(0)]], [output('a')]],
      ['has just turned over again', [[mark(9)], [mark(0), kept('b')]], [dropped(9), output('b')]],
      ['has no mark, because there was no room', [[kept('a')], []], [output('a')]],
      ['is missing', [[], []], []],
    ])('and %s', async (_name, parts, appended) => {
      const { path } = await leave(HEAD, parts);
      expect(await saved(path)).toEqual(Buffer.concat([...HEAD, ...appended]));
    });

    it('ends before what an earlier turn has left in a file', async () => {
      const stale = [Buffer.alloc(frame(out('')).length), kept('stale 1\n'), kept('stale 2\n')];
      const { path } = await leave(HEAD, [
        [...OLDER, ...stale],
        [...NEWER, ...stale],
      ]);
      expect(await saved(path)).toEqual(WHOLE);
      const begun = await leave(HEAD, [stale, [...NEWER, ...stale]]);
      expect(await saved(begun.path)).toEqual(
        Buffer.concat([...HEAD, dropped(100), output('newer 1\n'), output('newer 2\n')]),
      );
    });

    it('ends at a frame that is torn, wherever that is', async () => {
      const last = NEWER.at(-1) as Buffer;
      const before = NEWER.slice(0, -1);
      for (let length = 0; length < last.length; length++) {
        const { path } = await leave(HEAD, [OLDER, [...before, last.subarray(0, length)]]);
        expect(await saved(path)).toEqual(WHOLE.subarray(0, WHOLE.length - output('newer 2\n').length));
      }
    });

    it('ends at a frame in whose place something older is', async () => {
      for (let at = frame(out('')).length; at < kept('newer 2\n').length; at++) {
        const mixed = kept('newer 2\n');
        mixed[at] = (mixed[at] ?? 0) ^ 1;
        const { path } = await leave(HEAD, [OLDER, [...NEWER.slice(0, -1), mixed]]);
        expect(await saved(path)).toEqual(WHOLE.subarray(0, WHOLE.length - output('newer 2\n').length));
      }
    });

    it.each([18, 900])(
      'takes the place of a torn frame of %d bytes at the end of the log',
      async (length) => {
        const torn = out('torn'.repeat(250)).subarray(0, length);
        const { path } = await leave([...HEAD, torn], [OLDER, NEWER]);
        expect(await saved(path)).toEqual(WHOLE);
      },
    );

    it('is there once, wherever the server that appended it was killed', async () => {
      const head = Buffer.concat(HEAD);
      for (let length = head.length; length <= WHOLE.length; length += 7) {
        const { path } = await leave([WHOLE.subarray(0, length)], [OLDER, NEWER], String(head.length));
        expect(await saved(path)).toEqual(WHOLE);
        expect(await saved(path)).toEqual(WHOLE);
      }
    });

    it('is there once, wherever the server that removed it was killed', async () => {
      const { path, nextTo } = await leave(HEAD, [OLDER, NEWER]);
      for (const name of JOB_FILES.tail) {
        expect(await saved(path)).toEqual(WHOLE);
        await rm(nextTo(name));
      }
      expect(await saved(path)).toEqual(WHOLE);
    });

    it('is found again when the note of the end is incomplete', async () => {
      const { path } = await leave(HEAD, [OLDER, NEWER], '');
      expect(await saved(path)).toEqual(WHOLE);
    });

    it('removes an index that describes something else', async () => {
      const { path, nextTo } = await leave(HEAD, [OLDER, NEWER]);
      await writeFile(nextTo('index'), Buffer.alloc(640, 1));
      await recoverTail(path);
      expect(existsSync(nextTo('index'))).toBe(false);
      const page = await readLogPage(path, { tail: 2, mostBytes: 100, closed: true });
      expect(page.entries.map(({ text }) => text).join('')).toBe('newer 1\nnewer 2\n');
    });
  },
);
