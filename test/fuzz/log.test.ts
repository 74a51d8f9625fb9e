/** Random and damaged logs. */

import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CursorError } from '../../src/runtime/log/cursor.ts';
import { followLog } from '../../src/runtime/log/follow.ts';
import { encodeFrame } from '../../src/runtime/log/frame.ts';
import { encodeLandmark, indexPath, ORIGIN } from '../../src/runtime/log/log-index.ts';
import { LOG_STREAMS, type LogBatch, type LogStart, type LogStream } from '../../src/runtime/log/page.ts';
import { readLogPage } from '../../src/runtime/log/reader.ts';
import { type Search, searchLog } from '../../src/runtime/log/search.ts';
import { bytesOf, decoded, readAll, TestSource, textOf } from '../runtime/log/fixture.ts';
import { mutate, pick, type Random, some } from '../support/random.ts';
import { randomCursor } from './cursors.ts';
import { fuzz } from './fuzz.ts';
import { forge, linesOf, type ModelFrame, modelDamage, modelFrames, outputOf, unchecked } from './model.ts';

let folder: string;
let number = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-fuzz-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A log with these bytes in it, until the round is over. */
const withLog = async (bytes: Buffer, use: (path: string) => Promise<void>): Promise<void> => {
  const own = mkdtempSync(join(folder, `${number++}-`));
  try {
    await writeFile(join(own, 'log'), bytes);
    await use(join(own, 'log'));
  } finally {
    rmSync(own, { recursive: true });
  }
};

const STREAMS = [undefined, ...LOG_STREAMS] as const;
const WORDS = ['a', 'ab', '\n', '\n', 'ä', '€', '😀', '\uFEFF', '\0', 'needle', ' '] as const;

const LENGTHS = [0, 1, 7, 8, 9, 16, 100, 1 << 20, (1 << 20) + 1, 0xff_ff_ff_ff] as const;

/** A frame of this release or of an earlier one. */
const randomFrame = (random: Random): Buffer => {
  const frame = frameOfToday(random);
  return random(3) === 0 ? unchecked(frame) : frame;
};

const frameOfToday = (random: Random): Buffer => {
  const timeNs = BigInt(1000 + random(100));
  if (random(8) === 0) return encodeFrame({ kind: 'dropped', timeNs, count: BigInt(random(1 << 20)) });
  if (random(10) === 0)
    return encodeFrame({ kind: 'resized', timeNs, size: { rows: random(65_536), columns: 1 } });
  const text = Buffer.from(some(random, 12, () => pick(random, WORDS)).join(''));
  // Cut within characters now and then.
  const bytes = random(3) === 0 ? text.subarray(random(3), Math.max(0, text.length - random(3))) : text;
  return encodeFrame({ kind: 'output', stream: pick(random, LOG_STREAMS), timeNs, bytes });
};

const randomLog = (random: Random): Buffer => Buffer.concat(some(random, 20, () => randomFrame(random)));

/** A log as it may be found after a crash, on a bad disk, or by an enemy: whole, changed, or no log at all. */
const damagedLog = (random: Random): Buffer => {
  const log = randomLog(random);
  switch (random(8)) {
    case 0:
      return log;
    case 1:
      return Buffer.from(some(random, 200, () => random(256)));
    case 2:
      return Buffer.concat([log, Buffer.alloc(random(64))]);
    case 3: {
      const frame = modelFrames(log).at(-1 - random(3));
      if (frame === undefined) return log;
      return forge(log, frame.at, (header) => {
        if (random(2) === 0) header.writeUInt32LE(pick(random, LENGTHS), 0);
        if (random(2) === 0) header.writeUInt8(random(4), 4);
        if (random(2) === 0) header.writeUInt8(random(4), 5);
      });
    }
    default:
      return mutate(random, log);
  }
};

const only = (stream: LogStream | undefined): { readonly stream?: LogStream } =>
  stream === undefined ? {} : { stream };

const contentOf = (pages: readonly LogBatch[]): Buffer => bytesOf(pages.flatMap(({ entries }) => entries));

const droppedIn = (frames: readonly ModelFrame[]): number =>
  frames.reduce(
    (sum, { stream, payload }) => sum + (stream === 'DROPPED' ? Number(payload.readBigUInt64LE()) : 0),
    0,
  );

/** Reads a log from one start on, in small pages. */
const contentFrom = async (random: Random, path: string, start: LogStart): Promise<Buffer> =>
  contentOf(await readAll(path, { ...start, first: 1 + random(60) }));

const searchAll = async (path: string, search: Omit<Search, 'closed'>): Promise<Buffer> => {
  const pages = [await searchLog(path, { ...search, closed: true })];
  for (let last = pages.at(-1); last !== undefined && !last.endOfLog; last = pages.at(-1)) {
    const page = await searchLog(path, { ...search, after: last.cursor, closed: true });
    if (page.cursor === last.cursor && !page.endOfLog) throw new Error(`no progress after ${page.cursor}`);
    pages.push(page);
  }
  return contentOf(pages);
};

describe('any file', () => {
  fuzz('reads as its valid frames, and the damage between them is counted', 600, async (random) => {
    const log = damagedLog(random);
    const frames = modelFrames(log);
    await withLog(log, async (path) => {
      const pages = await readAll(path, { first: 1 + random(60) });
      const entries = pages.flatMap((page) => page.entries);
      for (const stream of LOG_STREAMS) {
        expect(bytesOf(entries, stream)).toEqual(outputOf(frames, stream));
        expect(textOf(entries, stream)).toBe(decoded(outputOf(frames, stream)));
        expect(await contentFrom(random, path, { stream })).toEqual(outputOf(frames, stream));
      }
      expect(bytesOf(entries)).toEqual(outputOf(frames));
      const damaged = modelDamage(log);
      const lost = droppedIn(frames) + damaged;
      expect(pages.reduce((sum, page) => sum + page.damagedBytes, 0)).toBe(damaged);
      const reported = pages.reduce((sum, page) => sum + page.droppedBytes, 0);
      // A damaged frame may claim more bytes than a double can count: then the order of adding makes a difference.
      expect(Math.abs(reported - lost)).toBeLessThanOrEqual(Number.isSafeInteger(lost) ? 0 : lost * 2 ** -48);
      const open = await readLogPage(path, { mostBytes: 1 << 20, closed: false });
      expect([contentOf([open]), open.endOfLog]).toEqual([outputOf(modelFrames(log, false)), false]);
    });
  });

  fuzz('is found by line, byte and time, and searched, as far as it is valid', 400, async (random) => {
    const log = damagedLog(random);
    const frames = modelFrames(log);
    await withLog(log, async (path) => {
      const stream = pick(random, STREAMS);
      const output = outputOf(frames, stream);
      const lines = linesOf(output);
      const tail = random(lines.length + 2);
      const start = only(stream);
      expect(await contentFrom(random, path, { tail, ...start })).toEqual(
        Buffer.concat(tail === 0 ? [] : lines.slice(-tail)),
      );
      const offset = random(output.length + 2);
      expect(await contentFrom(random, path, { offset, ...start })).toEqual(output.subarray(offset));
      const since = BigInt(990 + random(120));
      const from = frames.findIndex(({ time }) => time >= since);
      expect(await contentFrom(random, path, { sinceNs: since, ...start })).toEqual(
        outputOf(from < 0 ? [] : frames.slice(from), stream),
      );
      const text = pick(random, ['a', 'needle', 'ab', 'ä', '\0']);
      expect(await searchAll(path, { text, mostBytes: 1 + random(60), ...start })).toEqual(
        Buffer.concat(lines.filter((line) => line.includes(text))),
      );
    });
  });

  fuzz(
    'is continued after its own cursors, and any other one shows nothing but itself',
    400,
    async (random) => {
      const log = damagedLog(random);
      const all = outputOf(modelFrames(log));
      await withLog(log, async (path) => {
        const pages = await readAll(path, { first: 1 + random(60) });
        const entries = pages.flatMap((page) => page.entries);
        const cut = random(entries.length + 1);
        const known = entries[cut - 1]?.cursor ?? '0';
        const before = bytesOf(entries.slice(0, cut)).length;
        expect(await contentFrom(random, path, { after: known })).toEqual(all.subarray(before));
        const changed = mutate(random, Buffer.from(known)).toString('latin1');
        for (const after of [changed, randomCursor(random), `${random(log.length + 1)}.${random(20)}`]) {
          const found = await readAll(path, { after }).catch((error: unknown) => error);
          if (Array.isArray(found)) expectPartsOf(log, found);
          else expect(found).toBeInstanceOf(CursorError);
        }
      });
    },
  );
});

/** A cursor or an index that lies may lead to what looks like a frame within another one. */
const expectPartsOf = (log: Buffer, pages: readonly LogBatch[]): void => {
  for (const { entries } of pages)
    for (const { bytes } of entries) expect(log.includes(Buffer.from(bytes))).toBe(true);
};

describe('any index', () => {
  const randomLandmark = (random: Random, log: Buffer): Buffer => {
    const count = (): number => random(3) * random(1 << 20);
    return encodeLandmark({
      ...ORIGIN,
      offset: random(2) === 0 ? random(log.length + 1) : count(),
      latestNs: BigInt(random(2000)),
      lines: { STDOUT: count(), STDERR: count(), TERMINAL: count() },
      bytes: { STDOUT: count(), STDERR: count(), TERMINAL: count() },
    });
  };

  fuzz('that lies leads to parts of the log, without end or error', 400, async (random) => {
    const log = damagedLog(random);
    await withLog(log, async (path) => {
      await writeFile(indexPath(path), Buffer.concat(some(random, 6, () => randomLandmark(random, log))));
      const starts = [
        { tail: random(20) },
        { offset: random(200) },
        { sinceNs: BigInt(random(2000)) },
      ] as const;
      for (const start of starts) expectPartsOf(log, await readAll(path, start));
    });
  });

  fuzz('that is damaged or torn does not change what is found', 400, async (random) => {
    const log = randomLog(random);
    const lines = linesOf(outputOf(modelFrames(log)));
    await withLog(log, async (path) => {
      const index = randomLandmark(random, log);
      const at = random(index.length);
      index.writeUInt8(index.readUInt8(at) ^ (1 << random(8)), at);
      await writeFile(indexPath(path), random(4) === 0 ? index.subarray(0, at) : index);
      const tail = 1 + random(lines.length + 1);
      expect(await contentFrom(random, path, { tail })).toEqual(Buffer.concat(lines.slice(-tail)));
    });
  });
});

describe('a follower', () => {
  fuzz('gives the valid frames of whatever is appended in pieces', 60, async (random) => {
    const log = damagedLog(random);
    await withLog(Buffer.alloc(0), async (path) => {
      const source = new TestSource(path);
      const writing = (async () => {
        for (let at = 0; at < log.length; ) {
          const length = 1 + random(80);
          await appendFile(path, log.subarray(at, at + length));
          at += length;
        }
        source.close();
      })();
      const pages: LogBatch[] = [];
      for await (const page of followLog(source, { follow: true })) pages.push(page);
      await writing;
      expect(contentOf(pages)).toEqual(outputOf(modelFrames(log)));
      expect(pages.at(-1)?.endOfLog).toBe(true);
      expect(source.listeners.size).toBe(0);
    });
  });
});
