/** Requests for the files of a running cell, on the server's side: see `launcher/files.h`. */

import { createConnection, type Socket } from 'node:net';
import { bytesOfText, textOfBytes } from '../../byte-text.ts';
import type { FileEntry, FileKind, FileStatus, FilesAnswer, FilesRequest } from '../cell-file.ts';
import { ControlError, ControlGone, ControlTimeout, controlAddress, controlRefusal } from './control.ts';

/** By the letter of the launcher. */
const KINDS = {
  f: 'FILE',
  d: 'FOLDER',
  l: 'LINK',
  p: 'FIFO',
  s: 'SOCKET',
  c: 'DEVICE',
  b: 'DEVICE',
} as const satisfies Record<string, FileKind>;

/** The kernel refused it. */
export class FilesError extends Error {
  override readonly name = 'FilesError';
  /** What was refused: `open`, `read`, `write`, `offset`, `regular`, ... */
  readonly step: string;
  /** errno(3). */
  readonly errno: number;
  /** What belongs to the step: for `offset` the size of the file. */
  readonly detail: string;

  constructor(step: string, errno: number, detail: string) {
    super(`${step}: errno ${errno}`);
    this.step = step;
    this.errno = errno;
    this.detail = detail;
  }
}

/** Longer than the process in the cell takes before its timer kills it. */
const ANSWER_MS = 15_000;
/** Besides the bytes of a file: a page of entries, and what one entry may add to it. */
const MOST_TOKEN_BYTES = 4 * 1024 * 1024;

/**
 * Carries out one request.
 *
 * @param folder the job's folder, which holds the control socket
 * @throws ControlError when the supervisor refuses it or is gone, or the process in the cell was killed
 * @throws FilesError when the kernel refuses it
 */
export const askForFiles = async (folder: string, request: FilesRequest): Promise<FilesAnswer> => {
  const mostBytes = MOST_TOKEN_BYTES + (request.kind === 'read' ? request.lengthBytes : 0);
  return parseAnswer(await converse(folder, request, mostBytes));
};

/** The bytes after the "ok" of the supervisor. */
const converse = (folder: string, request: FilesRequest, mostBytes: number): Promise<Buffer> => {
  const address = controlAddress(folder);
  const socket = createConnection(address.path);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  let greeted = false;
  const timer = setTimeout(
    () => reject(new ControlTimeout(`it did not answer within ${ANSWER_MS / 1000} s`)),
    ANSWER_MS,
  );
  socket.on('error', (error) => reject(new ControlGone(undefined, { cause: error })));
  socket.on('close', () => reject(new ControlGone()));
  socket.on('end', () => {
    if (greeted) resolve(Buffer.concat(chunks));
  });
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > mostBytes) reject(new ControlError('it answered with too much'));
    if (greeted) return;
    const rest = begin(socket, Buffer.concat(chunks), request, reject);
    if (rest === undefined) return;
    greeted = true;
    chunks.splice(0, chunks.length, rest);
  });
  socket.write('files\n');
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
    address.release();
  });
};

/**
 * Looks for the answer of the supervisor among its reports, and sends the request after an "ok".
 *
 * @returns what follows it; `undefined`: it has not come yet
 */
const begin = (
  socket: Socket,
  received: Buffer,
  request: FilesRequest,
  refuse: (error: ControlError) => void,
): Buffer | undefined => {
  for (let at = 0; ; ) {
    const end = received.indexOf('\n', at);
    if (end < 0) return undefined;
    const line = received.toString('latin1', at, end);
    at = end + 1;
    if (line.startsWith('error ')) refuse(controlRefusal(line.slice('error '.length)));
    if (line !== 'ok') continue;
    socket.write(tokens(request));
    if (request.kind === 'write') socket.write(request.bytes);
    // The process ends, and with it the answer, when it has read this end: then it does not count any more.
    socket.end();
    return received.subarray(at);
  }
};

const modeToken = (mode: number | null): string => (mode === null ? '-' : mode.toString(8));

const fieldsOf = (request: FilesRequest): readonly (string | number)[] => {
  const { kind, path } = request;
  switch (kind) {
    case 'list':
      return [kind, path, request.most, request.after];
    case 'read':
      return [kind, path, request.offsetBytes, request.lengthBytes];
    case 'write':
      return [
        kind,
        path,
        modeToken(request.mode),
        request.offsetBytes ?? 'end',
        request.parents ? 1 : 0,
        request.bytes.length,
        request.moveTo ?? '',
      ];
    case 'folder':
      return [kind, path, modeToken(request.mode), request.parents ? 1 : 0];
    case 'link':
      return [kind, path, request.target, request.parents ? 1 : 0, request.moveTo ?? ''];
  }
};

const tokens = (request: FilesRequest): Buffer => {
  const fields = fieldsOf(request);
  return bytesOfText([fields.length, ...fields].map((field) => `${field}\0`).join(''));
};

const INCOMPLETE = 'the process in its cell was killed: it took too long, or the cell has no memory left';

/** Parses an answer. */
class Tokens {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  bytes(): Buffer {
    const end = this.#data.indexOf(0, this.#at);
    if (end < 0) throw new ControlError(INCOMPLETE);
    const token = this.#data.subarray(this.#at, end);
    this.#at = end + 1;
    return token;
  }

  word(): string {
    return this.bytes().toString('latin1');
  }

  number(): number {
    return Number(this.word());
  }

  raw(length: number): Buffer {
    if (this.#data.length - this.#at < length) throw new ControlError(INCOMPLETE);
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  status(): FileStatus {
    return {
      kind: kindOf(this.word()),
      mode: Number.parseInt(this.word(), 8),
      sizeBytes: this.number(),
      modifiedAt: dateOf(this.word()),
      uid: this.number(),
      gid: this.number(),
    };
  }
}

const isLetter = (letter: string): letter is keyof typeof KINDS => Object.hasOwn(KINDS, letter);

const kindOf = (letter: string): FileKind => {
  if (!isLetter(letter)) throw new ControlError(`it answered with a file of kind ${letter}`);
  return KINDS[letter];
};

/** Nanoseconds; a file may bear any time at all, and a Date only some. */
const dateOf = (nanoseconds: string): Date => {
  const milliseconds = Number(BigInt(nanoseconds) / 1_000_000n);
  return new Date(Math.min(Math.max(milliseconds, EARLIEST_MS), LATEST_MS));
};
// RFC 3339 has years of four digits.
const EARLIEST_MS = Date.parse('0000-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

const parseAnswer = (data: Buffer): FilesAnswer => {
  const answer = new Tokens(data);
  const entries: FileEntry[] = [];
  const parts: Buffer[] = [];
  let file: FileStatus | undefined;
  for (let hasMore = false; ; ) {
    const word = answer.word();
    switch (word) {
      case 'ok':
        file = answer.status();
        break;
      case 'entry': {
        const name = textOfBytes(answer.bytes());
        const status = answer.status();
        const target = textOfBytes(answer.bytes());
        entries.push({ name, ...status, target: status.kind === 'LINK' ? target : null });
        break;
      }
      case 'data':
        parts.push(answer.raw(answer.number()));
        break;
      case 'more':
        hasMore = true;
        break;
      case 'failed':
        throw new FilesError(answer.word(), answer.number(), textOfBytes(answer.bytes()));
      case 'end':
        if (file === undefined) throw new ControlError('it answered nothing');
        return { file, entries, hasMore, bytes: Buffer.concat(parts) };
      default:
        throw new ControlError(`it answered ${JSON.stringify(word)}`);
    }
  }
};
