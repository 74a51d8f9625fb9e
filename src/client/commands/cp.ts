/** The command `cloister cp`. */

import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import type { ClientConfig } from '../../config/config.ts';
import { hasErrno } from '../../errno.ts';
import { type CellEntry, CellFiles, shown } from '../cell-files.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { findJobId } from '../job-id.ts';
import { note, write } from '../output.ts';

/** A path in the cell of a job, or on this machine; `-` is our standard input or output. */
type Place =
  | { readonly kind: 'cell'; readonly job: string; readonly path: Buffer }
  | { readonly kind: 'local'; readonly path: Buffer }
  | { readonly kind: 'stream' };

/** The flags of `cloister cp`. */
export interface CpFlags {
  readonly recursive?: boolean;
}

/**
 * `cloister cp`: copies between this machine and the cell of a running job. A file appears under its name only when it
 * is complete, on either side, and so does a local folder.
 *
 * @throws CliError unless exactly one of the paths is in a cell, and when a file cannot be copied
 */
export const cp = async (config: ClientConfig, from: string, to: string, flags: CpFlags): Promise<void> => {
  const [source, target] = [placeOf(from), placeOf(to)];
  if (source.kind === 'cell' && target.kind !== 'cell') {
    const connection = await connect(config);
    const cell = new CellFiles(connection, await findJobId(connection, source.job));
    await download(cell, source.path, target, flags);
  } else if (source.kind !== 'cell' && target.kind === 'cell') {
    const connection = await connect(config);
    const cell = new CellFiles(connection, await findJobId(connection, target.job));
    await upload(cell, source, target.path, flags);
  } else
    throw new CliError(
      `expected one path of a job, such as @last:/tmp/file, got ${source.kind === 'cell' ? 'two' : 'none'} ` +
        '(a local path with a colon begins with "./")',
    );
};

const placeOf = (text: string): Place => {
  if (text === '-') return { kind: 'stream' };
  const [, job, path] = /^([^/:]+):(.*)$/s.exec(text) ?? [];
  if (job === undefined || path === undefined) {
    if (text === '') throw new CliError('expected a path, got an empty one');
    return { kind: 'local', path: Buffer.from(text) };
  }
  if (!path.startsWith('/'))
    throw new CliError(
      `expected an absolute path after the job, such as ${job}:/tmp, got ${JSON.stringify(path)}`,
    );
  return { kind: 'cell', job, path: Buffer.from(path) };
};

const SLASH = Buffer.from('/');

const within = (folder: Buffer, name: Buffer): Buffer =>
  folder.at(-1) === SLASH[0] ? Buffer.concat([folder, name]) : Buffer.concat([folder, SLASH, name]);

/** A path split into folder and last name, both without trailing slashes. */
const split = (path: Buffer): { readonly folder: Buffer; readonly name: Buffer } => {
  let end = path.length;
  while (end > 1 && path[end - 1] === SLASH[0]) end -= 1;
  const bare = path.subarray(0, end);
  const slash = bare.lastIndexOf('/');
  if (slash < 0) return { folder: Buffer.from('.'), name: bare };
  return { folder: slash === 0 ? SLASH : bare.subarray(0, slash), name: bare.subarray(slash + 1) };
};

/** The last name of a source, if a copy can have it. */
const nameOf = (path: Buffer): Buffer => {
  const { name } = split(path);
  if (['', '.', '..'].includes(name.toString('latin1')))
    throw new CliError(`${shown(path)}: it has no name: name the target as a path that does not exist`);
  return name;
};

const isRecursive = (path: Buffer, flags: CpFlags): void => {
  if (!flags.recursive) throw new CliError(`${shown(path)}: it is a folder: -r copies it`);
};

// ---- from a job ----

const download = async (
  cell: CellFiles,
  path: Buffer,
  target: Exclude<Place, { kind: 'cell' }>,
  flags: CpFlags,
): Promise<void> => {
  const found = await cell.status(path);
  if (found === undefined) throw new CliError(`${shown(path)}: there is no such file in the cell`);
  if (found.type === 'FOLDER') isRecursive(path, flags);
  else if (found.type !== 'FILE')
    throw new CliError(`${shown(path)}: expected a file or folder, got a ${found.type}`);
  if (target.kind === 'stream') {
    if (found.type === 'FOLDER')
      throw new CliError('-: expected a file to write to standard output, got a folder');
    for await (const bytes of cell.read(path)) await write(process.stdout, bytes);
    return;
  }
  const isInside = (await stat(target.path).catch(missing))?.isDirectory() === true;
  const whole = isInside ? within(target.path, nameOf(path)) : target.path;
  if (found.type === 'FILE') return fetchFile(cell, path, whole, found.mode);
  if ((await lstat(whole).catch(missing)) !== undefined)
    throw new CliError(`${shown(whole)}: expected a path at which there is nothing yet`);
  await replacing(whole, async (temporary) => {
    await fetchFolder(cell, path, temporary, found.mode, 0);
  });
};

/** Creates something under a temporary name in the same folder, and renames it when it is complete. */
const replacing = async (path: Buffer, make: (temporary: Buffer) => Promise<void>): Promise<void> => {
  const { folder } = split(path);
  const temporary = within(folder, Buffer.from(`.cloister-cp-${randomBytes(8).toString('hex')}`));
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error instanceof CliError ? error : local(path, error);
  }
};

const fetchFile = async (cell: CellFiles, from: Buffer, to: Buffer, mode: number): Promise<void> =>
  replacing(to, (temporary) => fetchInto(cell, from, temporary, mode));

/** Writes a file that must not exist yet, so that no link is followed. */
const fetchInto = async (cell: CellFiles, from: Buffer, to: Buffer, mode: number): Promise<void> => {
  await using file = await open(to, 'wx', 0o600);
  for await (const bytes of cell.read(from)) await file.writeFile(bytes);
  await file.chmod(mode);
};

/** @param depth folders between the one that is copied and this one */
const fetchFolder = async (
  cell: CellFiles,
  from: Buffer,
  to: Buffer,
  mode: number,
  depth: number,
): Promise<void> => {
  await mkdir(to, 0o700);
  for await (const entry of cell.entries(from)) {
    const [source, target] = [within(from, entry.name), within(to, entry.name)];
    switch (entry.type) {
      case 'FILE':
        await fetchInto(cell, source, target, entry.mode);
        break;
      case 'FOLDER':
        await fetchFolder(cell, source, target, entry.mode, depth + 1);
        break;
      case 'LINK':
        await copyLink(entry, source, target, depth);
        break;
      default:
        await note(`${shown(source)} is left out: it is a ${entry.type}`);
    }
  }
  await chmod(to, mode);
};

/** Links that lead out of the folder would lead to files of this machine. */
const copyLink = async (entry: CellEntry, source: Buffer, to: Buffer, depth: number): Promise<void> => {
  const { target } = entry;
  if (target !== null && staysInside(target, depth)) await symlink(target, to);
  else await note(`${shown(source)} is left out: it is a link that leads out of the folder`);
};

/**
 * Whether a link leads to something in the folder that is copied: first up, no further than to that folder, and then
 * only down. After a name, ".." could lead anywhere, because that name may be a link too.
 */
const staysInside = (target: Buffer, depth: number): boolean => {
  const names = target.toString('latin1').split('/');
  const down = names.findIndex((name) => name !== '..');
  const up = down < 0 ? names.length : down;
  return names[0] !== '' && up <= depth && !names.slice(up).includes('..');
};

// ---- to a job ----

const upload = async (
  cell: CellFiles,
  source: Exclude<Place, { kind: 'cell' }>,
  path: Buffer,
  flags: CpFlags,
): Promise<void> => {
  const there = await cell.status(path);
  const isInside = path.at(-1) === SLASH[0] || there?.type === 'FOLDER';
  // Replacing a device with a file would surprise everybody.
  if (there !== undefined && !isInside && there.type !== 'FILE')
    throw new CliError(`${shown(path)}: expected a regular file to replace, got a ${there.type}`);
  if (source.kind === 'stream') {
    if (isInside)
      throw new CliError(`${shown(path)}: expected the path of a file for standard input, got a folder`);
    return cell.write(path, process.stdin, there?.mode);
  }
  const whole = isInside ? within(path, nameOf(source.path)) : path;
  const found = await stat(source.path).catch((error: unknown) => Promise.reject(local(source.path, error)));
  if (found.isFile()) return sendFile(cell, source.path, whole);
  if (!found.isDirectory()) throw new CliError(`${shown(source.path)}: expected a file or folder`);
  isRecursive(source.path, flags);
  return sendFolder(cell, source.path, whole, found.mode & 0o777);
};

const sendFile = async (cell: CellFiles, from: Buffer, to: Buffer): Promise<void> => {
  const file = await open(from).catch((error: unknown) => Promise.reject(local(from, error)));
  await using _closing = file;
  const { mode } = await file.stat();
  await cell.write(to, file.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 }), mode & 0o777);
};

const sendFolder = async (cell: CellFiles, from: Buffer, to: Buffer, mode: number): Promise<void> => {
  await cell.makeFolder(to, mode | 0o700);
  for (const name of await readdir(from, { encoding: 'buffer' })) {
    const [source, target] = [within(from, name), within(to, name)];
    const found = await lstat(source);
    if (found.isFile()) await sendFile(cell, source, target);
    else if (found.isDirectory()) await sendFolder(cell, source, target, found.mode & 0o777);
    else if (found.isSymbolicLink())
      await cell.makeLink(target, await readlink(source, { encoding: 'buffer' }));
    else await note(`${shown(source)} is left out: it is neither a file, nor a folder, nor a link`);
  }
};

const missing = (error: unknown): undefined => {
  if (hasErrno(error, 'ENOENT')) return undefined;
  throw error;
};

const local = (path: Buffer, cause: unknown): CliError =>
  new CliError(`${shown(path)}: ${cause instanceof Error ? cause.message : String(cause)}`, 1, { cause });
