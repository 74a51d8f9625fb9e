/** The files of a running job, over the API. Paths are bytes. */

import { randomBytes } from 'node:crypto';
import { formatMode } from '../units.ts';
import type { Connection } from './connection.ts';
import { CliError, ServerError } from './errors.ts';
import {
  ListFilesDocument,
  type ListFilesQuery,
  ReadFileDocument,
  WriteFileDocument,
} from './generated/operations.ts';
import { inert } from './inert.ts';
import { request } from './request.ts';

/** The most that is read or written by one request. */
const PART_BYTES = 1024 * 1024;
const PAGE = 1000;
const OWNER_WRITES = 0o200;

type Files = NonNullable<NonNullable<ListFilesQuery['job']>['files']>;

/** An entry of a folder. */
export interface CellEntry {
  /** Safe as the name of one file: neither empty, "." nor "..", and without "/" and NUL. */
  readonly name: Buffer;
  readonly type: Files['file']['type'];
  /** Permission bits, without set-uid, set-gid and sticky. */
  readonly mode: number;
  /** Of a link. */
  readonly target: Buffer | null;
}

/** The type of a file. */
export interface CellStatus {
  readonly type: Files['file']['type'];
  readonly mode: number;
}

/** The files of one job. */
export class CellFiles {
  readonly #connection: Connection;
  readonly #id: string;

  constructor(connection: Connection, id: string) {
    this.#connection = connection;
    this.#id = id;
  }

  /** What is at a path; `undefined`: nothing. */
  async status(path: Buffer): Promise<CellStatus | undefined> {
    try {
      const { file } = await this.#page(path, 1, null);
      return { type: file.type, mode: modeOf(file.mode) };
    } catch (error) {
      if (error instanceof ServerError && error.code === 'NOT_FOUND' && error.field === 'path')
        return undefined;
      throw error;
    }
  }

  /**
   * What is in a folder.
   *
   * @throws CliError for a name that could lead out of a folder into which it is copied
   */
  async *entries(path: Buffer): AsyncGenerator<CellEntry> {
    for (let after: string | null = null; ; ) {
      const { nodes, pageInfo }: Files = await this.#page(path, PAGE, after);
      for (const { name, nameBytes, type, mode, target, targetBytes } of nodes)
        yield {
          name: checkName(bytesOf(name, nameBytes)),
          type,
          mode: modeOf(mode),
          target: target === null ? null : bytesOf(target, targetBytes),
        };
      if (!pageInfo.hasNextPage || pageInfo.endCursor === null) return;
      after = pageInfo.endCursor;
    }
  }

  /**
   * The bytes of a regular file, in pieces.
   *
   * @throws CliError when it is no regular file; ServerError when it cannot be read
   */
  async *read(path: Buffer): AsyncGenerator<Buffer> {
    for (let offset = 0; ; ) {
      const variables = { id: this.#id, ...pathVariables(path), offset, length: PART_BYTES };
      const { job } = await request(this.#connection, ReadFileDocument, variables);
      const content = job?.files?.content;
      if (content == null) throw new CliError(`${shown(path)}: expected a regular file in the cell`);
      const bytes = Buffer.from(content.bytes, 'base64');
      if (bytes.length > 0) yield bytes;
      if (content.endOfFile) return;
      offset += bytes.length;
    }
  }

  /**
   * Writes a file, in place of a file or link that has its name. It has the name only once it is complete.
   *
   * @param mode permission bits; `undefined`: those of a new file
   */
  async write(path: Buffer, pieces: AsyncIterable<Uint8Array>, mode: number | undefined): Promise<void> {
    const temporary = temporaryOf(path);
    let offset = 0;
    const send = async (bytes: Buffer, bits: number | undefined, isLast = false): Promise<void> => {
      await this.#write(temporary, {
        ...(isLast && { moveToBytes: path.toString('base64') }),
        bytes: bytes.toString('base64'),
        offset,
        mode: bits === undefined ? undefined : formatMode(bits),
      });
      offset += bytes.length;
    };
    // The file has to stay writable until the last part. A file without content is one part, too.
    let last: Buffer = Buffer.alloc(0);
    for await (const part of parts(pieces)) {
      if (last.length > 0) await send(last, mode === undefined ? undefined : mode | OWNER_WRITES);
      last = part;
    }
    await send(last, mode, true);
  }

  /** Makes a symbolic link, in place of a file or link that has its name. */
  async makeLink(path: Buffer, target: Buffer): Promise<void> {
    await this.#write(temporaryOf(path), {
      linkBytes: target.toString('base64'),
      moveToBytes: path.toString('base64'),
    });
  }

  /** Makes a folder; one that exists is left as it is. */
  async makeFolder(path: Buffer, mode: number): Promise<void> {
    await this.#write(path, { folder: true, mode: formatMode(mode) });
  }

  async #page(path: Buffer, first: number, after: string | null): Promise<Files> {
    const variables = { id: this.#id, ...pathVariables(path), first, after };
    const { job } = await request(this.#connection, ListFilesDocument, variables);
    if (job?.files == null) throw new CliError('the server has answered without files');
    return job.files;
  }

  async #write(path: Buffer, fields: object): Promise<void> {
    const input = { jobId: this.#id, pathBytes: path.toString('base64'), ...fields };
    await request(this.#connection, WriteFileDocument, { input });
  }
}

/** Another name in the same folder, under which a file is written. */
const temporaryOf = (path: Buffer): Buffer =>
  Buffer.concat([
    path.subarray(0, path.lastIndexOf('/') + 1),
    Buffer.from(`.cloister-cp-${randomBytes(8).toString('hex')}`),
  ]);

const pathVariables = (path: Buffer) => ({ path: path.toString(), pathBytes: path.toString('base64') });

const bytesOf = (text: string, bytes: string | null): Buffer =>
  bytes === null ? Buffer.from(text) : Buffer.from(bytes, 'base64');

const modeOf = (text: string): number => {
  const mode = /^[0-7]{1,5}$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  if (Number.isNaN(mode)) throw new CliError(`the server has answered with the mode ${JSON.stringify(text)}`);
  return mode & 0o777;
};

/** The server is not trusted more than the cell: both could name a file outside of the folder. */
const checkName = (name: Buffer): Buffer => {
  const text = name.toString('latin1');
  if (/[/\0]/.test(text) || ['', '.', '..'].includes(text))
    throw new CliError(`${JSON.stringify(text)}: expected the name of one file in an answer of the server`);
  return name;
};

/** A path for messages. */
export const shown = (path: Buffer): string => inert(path.toString());

/** Joins and cuts pieces to parts of the size that is sent. */
const parts = async function* (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < PART_BYTES) continue;
    const all = Buffer.concat(waiting);
    let at = 0;
    for (; all.length - at >= PART_BYTES; at += PART_BYTES) yield all.subarray(at, at + PART_BYTES);
    waiting = [all.subarray(at)];
    length = all.length - at;
  }
  if (length > 0) yield Buffer.concat(waiting);
};
