/** How long reading takes in a log of ten GB. */

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BEGINNING, formatCursor } from '../../../src/runtime/log/cursor.ts';
import { encodeFrame, HEADER_BYTES, LONGEST_PAYLOAD_BYTES } from '../../../src/runtime/log/frame.ts';
import {
  encodeLandmark,
  indexPath,
  type Landmark,
  ORIGIN,
  STRIDE_BYTES,
} from '../../../src/runtime/log/log-index.ts';
import { readLogPage } from '../../../src/runtime/log/reader.ts';
import { forge } from '../../fuzz/model.ts';

const MIB = 1 << 20;
const GIB = 1 << 30;
const TIME = 1_700_000_000_000_000_000n;
const FRAME = HEADER_BYTES + LONGEST_PAYLOAD_BYTES;
// The last frames have lines.
const LINE = `${'x'.repeat(63)}\n`;
const frameOf = (bytes: Buffer): Buffer =>
  encodeFrame({ kind: 'output', stream: 'STDOUT', timeNs: TIME, bytes });
const LINES = frameOf(Buffer.from(LINE.repeat(LONGEST_PAYLOAD_BYTES / LINE.length)));
/** The header only: the rest is a hole. */
const NULS = frameOf(Buffer.alloc(LONGEST_PAYLOAD_BYTES)).subarray(0, HEADER_BYTES);
const WITH_LINES = 4;

interface BigLog {
  readonly path: string;
  readonly frames: number;
}

/**
 * A log of full frames with its index, one frame each millisecond. All but the last frames are NUL bytes, which the file
 * system need not keep.
 */
const bigLog = (bytes: number): BigLog => {
  const path = join(mkdtempSync(join(tmpdir(), 'cloister-size-')), 'log');
  const frames = Math.floor(bytes / FRAME);
  const log = openSync(path, 'w');
  const index: Buffer[] = [];
  let known: Landmark = ORIGIN;
  let next = STRIDE_BYTES;
  for (let number = 0; number < frames; number++) {
    const offset = number * FRAME;
    known = { ...known, offset };
    if (offset >= next) {
      index.push(encodeLandmark(known));
      next = offset + STRIDE_BYTES;
    }
    const timeNs = TIME + BigInt(number) * 1_000_000n;
    const lines = number >= frames - WITH_LINES;
    const frame = forge(lines ? LINES : NULS, 0, (header) => header.writeBigUInt64LE(timeNs, 8));
    writeSync(log, frame, 0, frame.length, offset);
    known = {
      ...known,
      latestNs: timeNs,
      bytes: { ...known.bytes, STDOUT: known.bytes.STDOUT + LONGEST_PAYLOAD_BYTES },
      lines: {
        ...known.lines,
        STDOUT: known.lines.STDOUT + (lines ? LONGEST_PAYLOAD_BYTES / LINE.length : 0),
      },
      open: { ...known.open, STDOUT: !lines },
    };
  }
  closeSync(log);
  const file = openSync(indexPath(path), 'w');
  writeSync(file, Buffer.concat(index));
  closeSync(file);
  return { path, frames };
};

let small: BigLog;
let large: BigLog;

beforeAll(() => {
  small = bigLog(10 * MIB);
  large = bigLog(10 * GIB);
});

afterAll(() => {
  for (const { path } of [small, large]) rmSync(dirname(path), { recursive: true });
});

const WAYS = [
  ['the last hundred lines', () => ({ tail: 100 })],
  [
    'a cursor',
    ({ frames }: BigLog) => ({
      after: formatCursor({ ...BEGINNING, frame: Math.floor(frames / 2) * FRAME, taken: 7 }),
    }),
  ],
  ['a time', ({ frames }: BigLog) => ({ sinceNs: TIME + BigInt(Math.floor(frames / 2)) * 1_000_000n })],
  ['a byte', ({ frames }: BigLog) => ({ offset: Math.floor(frames / 2) * LONGEST_PAYLOAD_BYTES + 5 })],
] as const;

/** Milliseconds of the fastest of some readings. */
const time = async (log: BigLog, start: (log: BigLog) => object): Promise<number> => {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const began = performance.now();
    await readLogPage(log.path, { ...start(log), mostBytes: 64 << 10, closed: true });
    best = Math.min(best, performance.now() - began);
  }
  return best;
};

describe('a log of ten GB', () => {
  it.each(WAYS)('is read from %s in the time of one of ten MB', async (_name, start) => {
    const few = await time(small, start);
    const many = await time(large, start);
    // A thousand times the bytes.
    expect(many).toBeLessThan(5 * few + 2);
  });

  it('is found where it was looked for', async () => {
    const middle = Math.floor(large.frames / 2);
    const page = await readLogPage(large.path, { tail: 100, mostBytes: 64 << 10, closed: true });
    expect(page.entries.map(({ text }) => text).join('')).toBe(LINE.repeat(100));
    const [entry] = (
      await readLogPage(large.path, {
        sinceNs: TIME + BigInt(middle) * 1_000_000n,
        mostBytes: 10,
        closed: true,
      })
    ).entries;
    expect(entry?.timeNs).toBe(TIME + BigInt(middle) * 1_000_000n);
    const at = await readLogPage(large.path, {
      offset: middle * LONGEST_PAYLOAD_BYTES,
      mostBytes: 10,
      closed: true,
    });
    expect(at.entries[0]?.timeNs).toBe(entry?.timeNs);
  });
});
