/** Folders of this machine whose files a job is given: `--file FOLDER:PATH`. */

import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { CliError } from './errors.ts';
import { inert } from './inert.ts';

/** Files that one job can be given: as many as a server accepts. */
export const MOST_FILES = 100;
/** The most folders that are searched: many may contain no files. */
const MOST_FOLDERS = 1000;

/** A file in a folder. */
export interface FolderFile {
  readonly local: string;
  /** Its path below the folder, with slashes. */
  readonly name: string;
}

/**
 * Every file in a folder and the folders in it, in the order of their names. Links are an error: they are not followed,
 * since they may lead anywhere, and not skipped, since the command would lack their targets.
 *
 * @param others how many other files the job is given
 * @throws CliError that names what is neither a file nor a folder, a name that is not UTF-8, and a folder with more
 *   files; what reading a folder throws
 */
export const filesOfFolder = async (folder: string, others: number): Promise<readonly FolderFile[]> => {
  const files: FolderFile[] = [];
  const folders = [{ local: folder, prefix: '' }];
  for (let seen = 0; ; seen++) {
    const next = folders.shift();
    if (next === undefined) return files;
    if (seen === MOST_FOLDERS) throw tooMany(folder, `${MOST_FOLDERS} folders`);
    for (const entry of await entriesOf(next.local)) {
      const local = `${next.local.replace(/\/+$/, '')}/${entry.name}`;
      const name = `${next.prefix}${entry.name}`;
      if (entry.isDirectory()) folders.push({ local, prefix: `${name}/` });
      else if (!entry.isFile())
        throw new CliError(
          `--file: ${inert(local)}: expected only files and folders in a folder, got ${whatIs(entry)}`,
        );
      else if (others + files.length === MOST_FILES) throw tooMany(folder, `${MOST_FILES} files in all`);
      else files.push({ local, name });
    }
  }
};

const tooMany = (folder: string, most: string): CliError =>
  new CliError(
    `--file: ${inert(folder)}: expected at most ${most}, got more: make a tar of it, and unpack that in the job`,
  );

const entriesOf = async (folder: string): Promise<readonly Dirent<string>[]> => {
  const names = await readdir(folder, { encoding: 'buffer' });
  const bad = names.find((name) => !isUtf8(name));
  if (bad !== undefined)
    throw new CliError(
      `--file: ${inert(folder)}: expected names in UTF-8, got ${JSON.stringify(bad.toString('latin1'))}`,
    );
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
};

const whatIs = (entry: Dirent): string => {
  if (entry.isSymbolicLink()) return 'a symbolic link';
  if (entry.isFIFO()) return 'a pipe';
  return entry.isSocket() ? 'a socket' : 'a device';
};
