/** Recovers the end of a truncated output after its supervisor was killed. */

import { constants, existsSync } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JOB_FILES } from '../../state/paths.ts';
import { LogBlocks } from './blocks.ts';
import type { LogBytes } from './bytes.ts';
import { LogFile } from './file.ts';
import { encodeFrame, isIntact } from './frame.ts';
import { indexPath } from './log-index.ts';
import { openIfThere } from './open.ts';
import { openBytes } from './open-bytes.ts';
import { landmark } from './seek.ts';
import { tailFrames } from './tail-frames.ts';
import { walk } from './walk.ts';

const COPIED = 1 << 20;

/**
 * Appends to the log what a supervisor that was killed had kept of the end of an output (`launcher/log_tail.h` describes
 * how). The files stay, to be removed in the order of `JOB_FILES.tail`; until the first is removed, doing this again
 * gives the same log.
 *
 * @param logPath the log, which nobody else writes any more
 */
export const recoverTail = async (logPath: string): Promise<void> => {
  const [first, second, endPath] = JOB_FILES.tail.map((name) => join(dirname(logPath), name)) as [
    string,
    string,
    string,
  ];
  await using parts = new AsyncDisposableStack();
  const opened: Part[] = [];
  for (const path of [first, second]) {
    // Both are created before the command runs.
    if (!existsSync(path)) return;
    const bytes = await openBytes(path);
    parts.defer(() => bytes.close());
    const part = await lookInto(bytes);
    if (part !== undefined) opened.push(part);
  }
  // More was dropped before the later one; of two before which as much was, the second is.
  const [older, newer = older] = opened.toSorted((one, other) =>
    Number(one.droppedBytes - other.droppedBytes),
  );
  if (older === undefined || newer === undefined) return;
  const end = (await notedEnd(endPath)) ?? (await findEnd(logPath));
  await noteEnd(endPath, end);
  // The index may cover what is now written again; a log without an index gets one when it is needed.
  await rm(indexPath(logPath), { force: true });
  await using log = await open(logPath, constants.O_WRONLY);
  await log.truncate(end);
  let at = end;
  const append = async (bytes: Buffer): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await log.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
    at += bytes.length;
  };
  if (newer.droppedBytes > 0n)
    await append(encodeFrame({ kind: 'dropped', timeNs: older.timeNs, count: newer.droppedBytes }));
  for (const part of new Set([older, newer])) await copy(part, append);
  await log.sync();
};

/** One of the two files. */
interface Part {
  readonly bytes: LogBytes;
  /** Where its frames of output begin. */
  readonly begin: number;
  /** Of its mark or first frame, nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** Bytes that were dropped before it began, according to its mark. */
  readonly droppedBytes: bigint;
}

/** @returns `undefined` for a file in which nothing has been written */
const lookInto = async (bytes: LogBytes): Promise<Part | undefined> => {
  const blocks = new LogBlocks(bytes, true);
  const header = await blocks.frame(0);
  if (header === undefined) return undefined;
  const { timeNs, headerBytes, length } = header;
  if (header.kind !== 'dropped') return { bytes, begin: 0, timeNs, droppedBytes: 0n };
  const count = await blocks.read(headerBytes, length);
  if (!isIntact(header, count)) return undefined;
  return { bytes, begin: headerBytes + length, timeNs, droppedBytes: count.readBigUInt64LE() };
};

const copy = async ({ bytes, begin }: Part, append: (bytes: Buffer) => Promise<void>): Promise<void> => {
  let gathered: Buffer[] = [];
  let size = 0;
  for await (const frame of tailFrames(new LogBlocks(bytes, true), begin)) {
    gathered.push(Buffer.from(frame));
    size += frame.length;
    if (size < COPIED) continue;
    await append(Buffer.concat(gathered));
    gathered = [];
    size = 0;
  }
  await append(Buffer.concat(gathered));
};

/** Where the log ended before the first byte of the tail was appended; `undefined` if none was. */
const notedEnd = async (path: string): Promise<number | undefined> => {
  const handle = await openIfThere(path);
  if (handle === undefined) return undefined;
  try {
    const text = await handle.readFile('utf8');
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  } finally {
    await handle.close();
  }
};

const noteEnd = async (path: string, end: number): Promise<void> =>
  writeFile(path, String(end), { mode: 0o600, flush: true });

/** The end of the last complete frame. */
const findEnd = async (logPath: string): Promise<number> => {
  const file = await LogFile.open(logPath, true);
  try {
    const blocks = file.blocks();
    // Left as it is: it will be removed anyway.
    const index = await file.index(false);
    try {
      return (await walk(blocks, await landmark(blocks, index))).end.offset;
    } finally {
      await index.close();
    }
  } finally {
    await file.close();
  }
};
