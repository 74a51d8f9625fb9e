/** Logs for the tests of their readers. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { LogSource } from '../../../src/runtime/log/follow.ts';
import { encodeFrame } from '../../../src/runtime/log/frame.ts';
import type { LogBatch, LogEntry, LogStart, LogStream } from '../../../src/runtime/log/page.ts';
import { readLogPage } from '../../../src/runtime/log/reader.ts';

export { randomFrom } from '../../support/random.ts';

const disposers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const dispose of disposers.splice(0).reverse()) await dispose();
});

/** Given back after the test, the last first. */
export const onCleanup = (dispose: () => Promise<void>): void => {
  disposers.push(dispose);
};

export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-log-'));
  onCleanup(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** The path of a log with these frames in it. */
export const logOf = async (...frames: readonly Uint8Array[]): Promise<string> => {
  const path = join(await temporaryFolder(), 'log');
  await writeFile(path, Buffer.concat(frames));
  return path;
};

const TIME = 1_700_000_000_000_000_000n;

export const out = (content: string | Uint8Array, timeNs = TIME): Buffer =>
  encodeFrame({ kind: 'output', stream: 'STDOUT', timeNs, bytes: Buffer.from(content) });
export const err = (content: string | Uint8Array, timeNs = TIME): Buffer =>
  encodeFrame({ kind: 'output', stream: 'STDERR', timeNs, bytes: Buffer.from(content) });
export const dropped = (count: number, timeNs = TIME): Buffer =>
  encodeFrame({ kind: 'dropped', timeNs, count: BigInt(count) });

export const textOf = (entries: readonly LogEntry[], stream?: LogStream): string =>
  entries.reduce((all, entry) => ((stream ?? entry.stream) === entry.stream ? all + entry.text : all), '');

export const bytesOf = (entries: readonly LogEntry[], stream?: LogStream): Buffer =>
  Buffer.concat(
    entries.filter((entry) => (stream ?? entry.stream) === entry.stream).map(({ bytes }) => bytes),
  );

/** What `TextDecoder` makes of the bytes when it has all of them. */
export const decoded = (bytes: Uint8Array): string => decoder.decode(bytes);
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** All pages of a closed log, each read with the cursor of the one before. */
export const readAll = async (
  path: string,
  request: LogStart & { readonly first?: number } = {},
): Promise<LogBatch[]> => {
  const { first = 1 << 20, ...start } = request;
  const rest = start.stream === undefined ? {} : { stream: start.stream };
  const pages = [await readLogPage(path, { ...start, mostBytes: first, closed: true })];
  for (;;) {
    const last = pages.at(-1);
    if (last === undefined || last.endOfLog) return pages;
    const page = await readLogPage(path, { after: last.cursor, ...rest, mostBytes: first, closed: true });
    // A last page may have nothing but the damage at the end.
    if (page.cursor === last.cursor && !(page.endOfLog && page.damagedBytes > 0))
      throw new Error(`no progress after ${page.cursor}`);
    pages.push(page);
  }
};

/** A log whose end the test decides. */
export class TestSource implements LogSource {
  readonly path: string;
  readonly listeners = new Set<() => void>();
  #closed = false;

  constructor(path: string) {
    this.path = path;
  }

  closed(): boolean {
    return this.#closed;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  close(): void {
    this.#closed = true;
    for (const listener of [...this.listeners]) listener();
  }
}

/** How many of this process's file descriptors are below `folder`. */
export const openFilesBelow = (folder: string): number =>
  readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(`${folder}/`)).length;

/** How many inotify watches this process has on `path` (proc_pid_fdinfo(5)). */
export const watchesOn = (path: string): number => {
  const inode = `ino:${statSync(path).ino.toString(16)} `;
  return readdirSync('/proc/self/fd')
    .filter((fd) => linkOf(fd) === 'anon_inode:inotify')
    .flatMap((fd) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').split('\n'))
    .filter((line) => line.includes(inode)).length;
};

const linkOf = (fd: string): string => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The descriptor that listed the folder is closed by now.
    return '';
  }
};
