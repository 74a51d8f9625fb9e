/** Files of this machine that a job is given: `--file LOCAL:PATH`. */

import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { formatMode } from '../units.ts';
import type { Connection } from './connection.ts';
import { CliError } from './errors.ts';
import { expected } from './flag-values.ts';
import type { FileInput } from './generated/operations.ts';
import { uploadFile } from './upload.ts';

/** Bytes of a file that is sent with the job; a larger one is uploaded. */
const MOST_INLINE_BYTES = 64 * 1024;

/** A file, and where the job finds it. */
export interface LocalFile {
  readonly local: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Octal digits. */
  readonly mode: string;
}

/**
 * The files that flags name: what is before the first `:/` is here, the rest is the path in the cell.
 *
 * @throws CliError that names the flag and the file
 */
export const localFiles = (flags: readonly string[] = []): Promise<readonly LocalFile[]> =>
  Promise.all(flags.map(localFile));

const localFile = async (text: string): Promise<LocalFile> => {
  const at = text.indexOf(':/');
  if (at < 1) throw expected('--file', 'LOCAL:PATH with an absolute PATH in the cell', text);
  const [local, path] = [text.slice(0, at), text.slice(at + 1)];
  const found = await stat(local).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`--file: ${local}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  if (!found.isFile()) throw expected('--file', 'a regular file; make a tar of a folder', local);
  const mode = (found.mode & 0o777) | 0o400;
  return { local, path, sizeBytes: found.size, mode: formatMode(mode) };
};

/**
 * Files as fields of a submission: small ones with their content, others by what they are called once they are uploaded.
 *
 * @throws CliError that names the flag and the file, and what `uploadFile` throws
 */
export const filesInput = async (
  connection: Connection,
  files: readonly LocalFile[],
): Promise<readonly FileInput[] | undefined> => {
  if (files.length === 0) return undefined;
  const inputs: FileInput[] = [];
  // One after the other: each has the whole connection.
  for (const file of files) inputs.push(await fileInput(connection, file));
  return inputs;
};

const fileInput = async (connection: Connection, file: LocalFile): Promise<FileInput> => {
  const { local, path, mode, sizeBytes } = file;
  try {
    if (sizeBytes > MOST_INLINE_BYTES)
      return {
        path,
        mode,
        file: await uploadFile(connection, { path: local, sizeBytes }, () => undefined),
      };
    const content = await readFile(local);
    return isUtf8(content)
      ? { path, mode, text: content.toString() }
      : { path, mode, bytes: content.toString('base64') };
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error;
    throw new CliError(`--file: ${error.message}`, 1, { cause: error });
  }
};
