/** Files of this machine that a job is given: `--file LOCAL:PATH`. */

import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { formatMode } from '../units.ts';
import type { Connection } from './connection.ts';
import { CliError } from './errors.ts';
import { expected } from './flag-values.ts';
import type { FileInput } from './generated/operations.ts';
import { filesOfFolder } from './local-folder.ts';
import { TransferProgress } from './transfer-progress.ts';
import { uploadFile } from './upload.ts';

/**
 * Bytes that a file, and all files of one job together, may have to be sent with the submission; others are uploaded.
 */
const MOST_INLINE_BYTES = 64 * 1024;
const ALL_INLINE_BYTES = 1024 * 1024;

/** A file and its path in the cell. */
export interface LocalFile {
  readonly local: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Octal digits. */
  readonly mode: string;
}

/**
 * The files that flags name: the part before the first `:/` is a local path, the rest is the path in the cell. For a
 * folder these are all files in it, below that path.
 *
 * @throws CliError that names the flag and the file
 */
export const localFiles = async (flags: readonly string[] = []): Promise<readonly LocalFile[]> => {
  const files: LocalFile[] = [];
  for (const flag of flags) files.push(...(await filesOf(flag, files.length)));
  return files;
};

const filesOf = async (flag: string, others: number): Promise<readonly LocalFile[]> => {
  const at = flag.indexOf(':/');
  if (at < 1) throw expected('--file', 'LOCAL:PATH with an absolute PATH in the cell', flag);
  const [local, path] = [flag.slice(0, at), flag.slice(at + 1)];
  try {
    const found = await stat(local);
    if (found.isFile()) return [localFile(local, path, found)];
    if (!found.isDirectory()) throw expected('--file', 'a file or a folder', local);
    const inside = await filesOfFolder(local, others);
    if (inside.length === 0) throw expected('--file', 'a folder with files', local);
    const base = path.replace(/\/+$/, '');
    return await Promise.all(
      inside.map(async (file) => localFile(file.local, `${base}/${file.name}`, await stat(file.local))),
    );
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error;
    const message = error.code === 'ENOENT' ? `${local}: no such file` : error.message;
    throw new CliError(`--file: ${message}`, 1, { cause: error });
  }
};

const localFile = (local: string, path: string, { size, mode }: Stats): LocalFile => ({
  local,
  path,
  sizeBytes: size,
  // The owner in the cell can read it.
  mode: formatMode((mode & 0o777) | 0o400),
});

/**
 * Files as fields of a submission: small ones with their content, others by the id that they get when they are
 * uploaded.
 *
 * @throws CliError that names the flag and the file, and what `uploadFile` throws
 */
export const filesInput = async (
  connection: Connection,
  files: readonly LocalFile[],
): Promise<readonly FileInput[] | undefined> => {
  if (files.length === 0) return undefined;
  const inputs: FileInput[] = [];
  let leftBytes = ALL_INLINE_BYTES;
  // One after the other, so that each has the whole bandwidth.
  for (const file of files) {
    const isInline = file.sizeBytes <= Math.min(MOST_INLINE_BYTES, leftBytes);
    if (isInline) leftBytes -= file.sizeBytes;
    inputs.push(await fileInput(connection, file, isInline));
  }
  return inputs;
};

const fileInput = async (
  connection: Connection,
  { local, path, mode, sizeBytes }: LocalFile,
  isInline: boolean,
): Promise<FileInput> => {
  try {
    if (!isInline) {
      using progress = new TransferProgress(local, sizeBytes);
      const file = await uploadFile(connection, { path: local, sizeBytes }, progress.update);
      return { path, mode, file };
    }
    const content = await readFile(local);
    return isUtf8(content)
      ? { path, mode, text: content.toString() }
      : { path, mode, bytes: content.toString('base64') };
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error;
    throw new CliError(`--file: ${error.message}`, 1, { cause: error });
  }
};
