/** The standard input of a job: a file, or our own standard input. */

import { fstatSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CliError } from './errors.ts';
import { note } from './output.ts';

/** Bytes: the most that can be part of a submission. */
export const LARGEST_STDIN_BYTES = 8 * 1024 * 1024;
/** Bytes of input that are submitted with the job, if its end comes within `SOON_MS`. Other input is streamed. */
const SHORT_BYTES = 256 * 1024;
const SOON_MS = 250;

/** Where the standard input of a job comes from. */
export interface StdinFlags {
  /** What `--stdin` names: a file, or `-`. */
  readonly named: string | undefined;
  /** Without that, use our own standard input where it is a pipe, a file or a socket, as a command of one's shell would. */
  readonly own: boolean;
  /** The job may need it more than once: it has to be a part of the submission. */
  readonly whole: boolean;
}

/** The standard input of a job: short input is submitted with the job, long input is written while it runs. */
export type JobStdin =
  | { readonly kind: 'none' }
  | { readonly kind: 'content'; readonly content: Buffer }
  | { readonly kind: 'stream'; readonly source: StdinSource };

/** Bytes that are read as they are needed. */
export interface StdinSource extends AsyncDisposable {
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** A job's standard input, as fields of its submission. */
export type StdinFields = { readonly stdin: string } | { readonly stdinBytes: string } | Record<never, never>;

/**
 * Reads the beginning of the standard input of a job, and all of it if it is short.
 *
 * @throws CliError when it has to be part of the submission, and is longer than `LARGEST_STDIN_BYTES`
 */
export const readStdin = async ({ named, own, whole }: StdinFlags): Promise<JobStdin> => {
  if (named === undefined && !(own && isFed())) return { kind: 'none' };
  const isOwn = named === undefined || named === '-';
  const what = named === undefined ? 'standard input' : '--stdin';
  const stream = isOwn ? process.stdin : await openNamed(named);
  const read = whole
    ? { head: await readBounded(what, stream, named === undefined), rest: undefined }
    : await readHead(stream, !isFile(isOwn ? 0 : named));
  if (read.rest !== undefined) return { kind: 'stream', source: sourceOf(stream, read.head, read.rest) };
  if (read.head.length === 0 && named === undefined) return { kind: 'none' };
  return { kind: 'content', content: read.head };
};

/** Our own standard input, whatever it is. */
export const ownStdin = (): StdinSource =>
  sourceOf(process.stdin, Buffer.alloc(0), process.stdin[Symbol.asyncIterator]());

/** Our own standard input if it is a pipe, a file or a socket; otherwise none. */
export const fedStdin = (): StdinSource =>
  sourceOf(process.stdin, Buffer.alloc(0), isFed() ? process.stdin[Symbol.asyncIterator]() : undefined);

/** Milliseconds after which a person wonders why nothing happens. */
const WAITING_MS = 3000;
const WAITING = 'waiting for the end of standard input, which the job is fed; "< /dev/null" gives it none';

/** Whether our standard input is neither a terminal, nor a device such as /dev/null, nor closed. */
const isFed = (): boolean => {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isFile() || stat.isSocket();
  } catch {
    return false;
  }
};

const isFile = (file: number | string): boolean =>
  (typeof file === 'number' ? fstatSync(file) : statSync(file, { throwIfNoEntry: false }))?.isFile() === true;

const openNamed = async (file: string): Promise<Readable> => {
  try {
    return (await open(file)).createReadStream();
  } catch (error) {
    throw new CliError(`--stdin: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};

type Pieces = AsyncIterator<Uint8Array, unknown>;

/**
 * The bytes that are available at once, and the source of more; `undefined`: there are no more.
 *
 * @param waits reading may wait for a writer
 */
const readHead = async (
  stream: Readable,
  waits: boolean,
): Promise<{ readonly head: Buffer; readonly rest: Pieces | undefined }> => {
  const pieces: Pieces = stream[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    // On a busy machine, what has arrived meanwhile is read first.
    const look = (): unknown => setImmediate(() => setImmediate(resolve, undefined));
    if (waits) timer = setTimeout(look, SOON_MS);
  });
  try {
    for (;;) {
      const next = pieces.next();
      const piece = await Promise.race([next, late]);
      if (piece === undefined) return { head: Buffer.concat(head), rest: beginningWith(next, pieces) };
      if (piece.done === true) return { head: Buffer.concat(head), rest: undefined };
      head.push(piece.value);
      bytes += piece.value.length;
      if (bytes > SHORT_BYTES) return { head: Buffer.concat(head), rest: pieces };
    }
  } finally {
    clearTimeout(timer);
  }
};

/** An iterator from which the next element has been asked for. */
const beginningWith = (asked: ReturnType<Pieces['next']>, pieces: Pieces): Pieces => {
  let first: typeof asked | undefined = asked;
  // It may be rejected before it is awaited.
  asked.catch(() => undefined);
  return {
    next: () => {
      const next = first ?? pieces.next();
      first = undefined;
      return next;
    },
  };
};

const sourceOf = (stream: Readable, head: Buffer, rest: Pieces | undefined): StdinSource => ({
  pieces: (async function* () {
    if (head.length > 0) yield head;
    for (
      let piece = await rest?.next();
      piece !== undefined && piece.done !== true;
      piece = await rest?.next()
    )
      yield piece.value;
  })(),
  [Symbol.asyncDispose]: async () => {
    // A pending read is rejected, which nobody awaits.
    stream.on('error', () => undefined).destroy();
  },
});

/** Reads a whole stream, but stops as soon as it exceeds `LARGEST_STDIN_BYTES`. */
const readBounded = async (what: string, stream: Readable, remind: boolean): Promise<Buffer> => {
  const late = remind ? setTimeout(() => void note(WAITING), WAITING_MS) : undefined;
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > LARGEST_STDIN_BYTES)
        throw new CliError(
          `${what}: expected at most ${LARGEST_STDIN_BYTES} bytes (8 MiB) together with --retries or --idempotency-key, got more`,
        );
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${what}: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  } finally {
    clearTimeout(late);
  }
};
