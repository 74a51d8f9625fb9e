/** Reads and changes the files of a running job, and reads those of one that has kept its root. */

import { byteLengthOfText, textOfBytes } from '../byte-text.ts';
import type { FileEntry, FileStatus, FilesAnswer, FilesRequest } from '../runtime/cell-file.ts';
import { CellGone, CellRefusal, type Cells, FileRefusal } from './cells.ts';
import type { Changes } from './changes.ts';
import { badInput, ClientError, notRunning, unavailable } from './errors.ts';
import { checkAll } from './faults.ts';
import { isFinal, type Job } from './job.ts';
import { checkUnicode, LONGEST_PATH_BYTES } from './text-checks.ts';
import { nextChange } from './watch.ts';

/** Entries in a page of a folder: by default, and at most. */
export const DEFAULT_ENTRIES = 100;
export const MOST_ENTRIES = 1000;
/** Bytes that are read at once: by default, and at most, which is also how many are written at once. */
export const DEFAULT_PART_BYTES = 64 * 1024;
export const LARGEST_PART_BYTES = 1024 * 1024;

const LARGEST_MODE = 0o777;
/** A supervisor that is gone has left a record, which is about to be stored. */
const END_MOST_MS = 10_000;

/** A path as given: bytes if the client sent bytes. */
type GivenPath = string | Uint8Array;

/** The path to list, and which page. */
export interface FileListRequest {
  readonly path: GivenPath;
  readonly limit?: number;
  /** The name of an entry. */
  readonly after?: string;
}

/** The file in a cell, and the part of it to read. */
export interface FileReadRequest {
  readonly path: GivenPath;
  readonly offsetBytes?: number;
  readonly lengthBytes?: number;
}

/** A file that is written, or a folder or a link that is made. */
export interface FileWriteRequest {
  readonly path: GivenPath;
  /** `null`: a folder, or a link. */
  readonly bytes: Uint8Array | null;
  /** Where a link leads. */
  readonly link?: GivenPath;
  /** The name that a file or link gets when it is complete. */
  readonly moveTo?: GivenPath;
  /** Permission bits in octal. */
  readonly mode?: string;
  /** Where the bytes belong; default 0. */
  readonly offsetBytes?: number;
  /** At the end of the file. */
  readonly append?: boolean;
  readonly parents?: boolean;
}

/** The file at a path of a job. */
export interface FileList {
  readonly file: FileEntry;
  readonly entries: readonly FileEntry[];
  readonly hasMore: boolean;
}

/** A part of a file. */
export interface FilePart {
  readonly offsetBytes: number;
  readonly bytes: Buffer;
  readonly isEnd: boolean;
}

type Of<Kind extends FilesRequest['kind']> = FilesRequest & { readonly kind: Kind };

/** @throws ClientError `BAD_USER_INPUT` */
export const checkList = ({ path, limit = DEFAULT_ENTRIES, after = '' }: FileListRequest): Of<'list'> => {
  const checked = checkAll({
    path: () => checkPath('path', path),
    most: () => {
      if (!(limit >= 1 && limit <= MOST_ENTRIES)) throw badInput('first', `from 1 to ${MOST_ENTRIES}`, limit);
      return limit;
    },
  });
  return { kind: 'list', ...checked, after };
};

/** @throws ClientError `BAD_USER_INPUT` */
export const checkRead = ({
  path,
  offsetBytes = 0,
  lengthBytes = DEFAULT_PART_BYTES,
}: FileReadRequest): Of<'read'> => {
  if (!(lengthBytes >= 1 && lengthBytes <= LARGEST_PART_BYTES))
    throw badInput('length', `from 1 to ${LARGEST_PART_BYTES} bytes`, lengthBytes);
  return { kind: 'read', path: checkPath('path', path), offsetBytes, lengthBytes };
};

/** @throws ClientError `BAD_USER_INPUT` */
export const checkWrite = ({
  path,
  bytes,
  mode,
  offsetBytes,
  append = false,
  parents = false,
  link,
  moveTo,
}: FileWriteRequest): FilesRequest => {
  const checked = checkAll({
    path: () => checkPath('input.path', path),
    mode: () => {
      if (mode !== undefined && link !== undefined)
        throw badInput('input.mode', 'none for a link, which has no permissions', mode);
      return mode === undefined ? null : checkMode('input.mode', mode);
    },
    target: () => (link === undefined ? null : checkTarget('input.link', link)),
    moveTo: () => {
      if (moveTo === undefined) return null;
      if (bytes === null && link === undefined)
        throw badInput('input.moveTo', 'a file or a link to rename', 'a folder');
      return checkPath('input.moveTo', moveTo);
    },
    bytes: () => {
      if ((bytes?.length ?? 0) > LARGEST_PART_BYTES)
        throw badInput('input', `at most ${LARGEST_PART_BYTES} bytes to write`, `${bytes?.length} bytes`);
    },
    place: () => {
      if (append && offsetBytes !== undefined) throw badInput('input.append', 'no offset with it', 'both');
      if (bytes === null && (append || offsetBytes !== undefined))
        throw badInput(
          link === undefined ? 'input.folder' : 'input.link',
          'neither offset nor append with it',
          'one of them',
        );
    },
  });
  const { path: place, target, moveTo: to } = checked;
  if (target !== null) return { kind: 'link', path: place, target, parents, moveTo: to };
  const common = { path: place, mode: checked.mode, parents };
  if (bytes === null) return { kind: 'folder', ...common };
  return { kind: 'write', ...common, offsetBytes: append ? null : (offsetBytes ?? 0), bytes, moveTo: to };
};

/** The target of a link is not restricted: the command could use that path itself. */
const checkTarget = (field: string, given: GivenPath): string => {
  const target = typeof given === 'string' ? checkUnicode(field, given) : textOfBytes(given);
  const bytes = byteLengthOfText(target);
  if (bytes === 0 || bytes > LONGEST_PATH_BYTES)
    throw badInput(field, `from 1 to ${LONGEST_PATH_BYTES} bytes`, `${bytes} bytes`);
  if (target.includes('\0')) throw badInput(field, 'a path without NUL', target);
  return target;
};

const checkPath = (field: string, given: GivenPath): string => {
  const path = typeof given === 'string' ? checkUnicode(field, given) : textOfBytes(given);
  if (!path.startsWith('/')) throw badInput(field, 'an absolute path', path);
  if (path.includes('\0')) throw badInput(field, 'a path without NUL', path);
  const bytes = byteLengthOfText(path);
  if (bytes > LONGEST_PATH_BYTES)
    throw badInput(field, `at most ${LONGEST_PATH_BYTES} bytes`, `${bytes} bytes`);
  return path;
};

const checkMode = (field: string, mode: string): number => {
  const bits = /^[0-7]{1,4}$/.test(mode) ? Number.parseInt(mode, 8) : Number.NaN;
  if (!(bits <= LARGEST_MODE)) throw badInput(field, 'permissions in octal, from "0" to "0777"', mode);
  return bits;
};

/** The entry of the path itself, under its last name. */
export const entryOf = (path: string, file: FileStatus, target: string | null = null): FileEntry => ({
  name: path.replace(/\/+$/, '').split('/').at(-1) || '/',
  ...file,
  target,
});

/** How the cell of one request for files is reached. */
export interface FilesOptions {
  readonly cells: Cells;
  /** The job in whose cell the files are, as it is now. */
  readonly find: () => Promise<Job>;
  readonly changes: Changes;
  /** The names of the input fields at fault. */
  readonly fields: { readonly job: string; readonly path: string; readonly offset: string };
}

/**
 * Carries out a request that was checked.
 *
 * @throws ClientError also when the job does not run, is paused, or the kernel refuses it
 */
export const carryOut = async (
  request: FilesRequest,
  { cells, find, changes, fields }: FilesOptions,
): Promise<FilesAnswer> => {
  const job = await find();
  const { id, state } = job;
  const isKept = isFinal(state) && job.spec.keepRoot && (request.kind === 'list' || request.kind === 'read');
  if (state.status !== 'RUNNING' && !isKept) throw notRunning(fields.job, state.status);
  if (state.status === 'RUNNING' && state.pausedAt !== null)
    throw unavailable('the job is paused, and so would be who looks at its files: resume it first');
  try {
    return await (isKept ? cells.keptFiles(job, request) : cells.files(id, request));
  } catch (error) {
    if (error instanceof FileRefusal) throw refused(error, request, fields);
    if (error instanceof CellGone && !isKept) {
      const now = await afterEnd(id, find, changes);
      if (now !== undefined) throw notRunning(fields.job, now.state.status);
    }
    if (error instanceof CellRefusal)
      throw unavailable(`the job did not carry out the request: ${error.message}`);
    throw error;
  }
};

/** The job at its end, which is about to be stored. */
const afterEnd = async (id: string, find: () => Promise<Job>, changes: Changes): Promise<Job | undefined> => {
  const ended = nextChange(changes, id, ({ state }) => isFinal(state), END_MOST_MS);
  try {
    const now = await find();
    return isFinal(now.state) ? now : await ended.job;
  } finally {
    ended.forget();
  }
};

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG', 'ENOMEM'];

const refused = (error: FileRefusal, request: FilesRequest, fields: FilesOptions['fields']): ClientError => {
  const { step, code, sizeBytes, message } = error;
  const to = step === 'rename' && 'moveTo' in request ? request.moveTo : null;
  const field = to === null ? fields.path : 'input.moveTo';
  const shown = (to ?? request.path).toWellFormed();
  if (step === 'regular') return badInput(fields.path, 'a regular file', shown);
  if (step === 'offset')
    return badInput(fields.offset, `at most ${sizeBytes}, where the file ends`, 'an offset after that');
  if (FULL.includes(code)) return unavailable(`the cell has no room for it: ${message}`);
  const { message: text } = badInput(field, 'a path that the command of the job could use so', shown);
  return new ClientError(code === 'ENOENT' ? 'NOT_FOUND' : 'BAD_USER_INPUT', `${text}: ${message}`, field);
};
