/** Unpacks a tar archive into a tree that no entry can leave. */

import { createReadStream } from 'node:fs';
import { chmod, chown, lchown, link, lstat, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Parser, type ReadEntry } from 'tar';
import { ImageError } from './errors.ts';
import { absent, makeFolder, type Owners } from './tree.ts';

/**
 * Unpacks a tar archive (with or without gzip) into `root`, an existing empty folder.
 *
 * Modes, links and times are kept; owners are shifted as `owners` says; set-uid and set-gid bits are dropped. Entries are
 * written in the order of the archive, one at a time, and no link is ever followed and no file replaced, so no sequence of
 * entries leads out of `root`. This does not use the unpacker of the `tar` package, which makes absolute symbolic links
 * relative and cannot shift owners.
 *
 * @throws ImageError that names the rejected entry. What was written until then is left to the caller.
 */
export const unpack = async (
  archive: string,
  root: string,
  owners: Owners,
  signal?: AbortSignal,
): Promise<void> => {
  const folders = new Map<string, ReadEntry>();
  await forEachEntry(archive, signal, async (entry, content) => {
    const parts = partsOf(entry, entry.path);
    await makeParents(root, parts, entry, owners);
    const path = join(root, ...parts);
    const owner = ownerOf(entry, owners);
    switch (entry.type) {
      case 'Directory':
        await putFolder(entry, path);
        folders.set(path, entry);
        return;
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
        return await putFile(entry, path, owner, content);
      case 'SymbolicLink':
        return await putSymbolicLink(entry, path, owner);
      case 'Link':
        return await putHardLink(entry, path, root);
      default:
        throw misplaced(entry);
    }
  });
  // Last, because every entry changes the times of its folder.
  for (const [path, entry] of folders) {
    const owner = ownerOf(entry, owners);
    await chown(path, owner.uid, owner.gid);
    await chmod(path, modeOf(entry, 0o755));
    await utimes(path, timeOf(entry), timeOf(entry));
  }
};

/**
 * Calls `visit` for one entry after the other, each with its content. The archive is read no faster than that, so memory
 * holds the entries of one read, or one large file.
 */
const forEachEntry = async (
  archive: string,
  signal: AbortSignal | undefined,
  visit: (entry: ReadEntry, content: Buffer) => Promise<void>,
): Promise<void> => {
  const parser = new Parser({ strict: true });
  const parsed: { readonly entry: ReadEntry; readonly content: Buffer }[] = [];
  const errors: Error[] = [];
  parser.on('entry', (entry: ReadEntry) => {
    const chunks: Buffer[] = [];
    entry.on('data', (chunk) => chunks.push(chunk));
    entry.on('end', () => parsed.push({ entry, content: Buffer.concat(chunks) }));
  });
  parser.on('ignoredEntry', (entry: ReadEntry) => errors.push(misplaced(entry)));
  parser.on('error', (error: Error) => {
    errors.push(new ImageError(`not a sound tar archive: ${error.message}`, { cause: error }));
  });
  const visitParsed = async () => {
    for (const { entry, content } of parsed.splice(0)) await visit(entry, content);
    if (errors[0] !== undefined) throw errors[0];
  };
  // The parser works synchronously: when `write` and `end` return, it has emitted the entries of their input.
  for await (const chunk of createReadStream(archive, signal ? { signal } : {})) {
    parser.write(chunk);
    await visitParsed();
  }
  parser.end();
  await visitParsed();
};

/** The names from the root to a path of the archive; none for the root itself. */
const partsOf = (entry: ReadEntry, path: string): string[] => {
  if (path.startsWith('/')) throw refused(entry, `the absolute path ${JSON.stringify(path)}`);
  if (path.includes('\0')) throw refused(entry, 'a NUL byte in a path');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refused(entry, `".." in the path ${JSON.stringify(path)}`);
  return parts;
};

/** Creates the missing folders above an entry, and makes sure that existing ones are folders and not links. */
const makeParents = async (
  root: string,
  parts: readonly string[],
  entry: ReadEntry,
  owners: Owners,
): Promise<void> => {
  for (let depth = 1; depth < parts.length; depth += 1) {
    const path = join(root, ...parts.slice(0, depth));
    const found = await lstat(path).catch(absent);
    if (found === undefined) await makeFolder(path, 0o755, owners);
    else if (!found.isDirectory()) {
      throw refused(entry, `it goes through /${parts.slice(0, depth).join('/')}, which is not a folder`);
    }
  }
};

const putFolder = async (entry: ReadEntry, path: string): Promise<void> => {
  const found = await lstat(path).catch(absent);
  if (found === undefined) await mkdir(path, 0o700);
  else if (!found.isDirectory()) throw refused(entry, 'an earlier entry has the same path');
};

const putFile = async (entry: ReadEntry, path: string, owner: Owner, content: Buffer): Promise<void> => {
  await using file = await open(path, 'wx', 0o600).catch(taken(entry));
  await file.writeFile(content);
  await file.chown(owner.uid, owner.gid);
  await file.chmod(modeOf(entry, 0o644));
  await file.utimes(timeOf(entry), timeOf(entry));
};

const putSymbolicLink = async (entry: ReadEntry, path: string, owner: Owner): Promise<void> => {
  await symlink(entry.linkpath ?? '', path).catch(taken(entry));
  await lchown(path, owner.uid, owner.gid);
  await lutimes(path, timeOf(entry), timeOf(entry));
};

const putHardLink = async (entry: ReadEntry, path: string, root: string): Promise<void> => {
  const parts = partsOf(entry, entry.linkpath ?? '');
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const found = await lstat(join(root, ...parts.slice(0, depth))).catch(absent);
    const expected = depth < parts.length ? found?.isDirectory() : found?.isFile();
    if (!expected)
      throw refused(entry, `its target ${JSON.stringify(entry.linkpath)} is not a file of the archive`);
  }
  if (parts.length === 0) throw refused(entry, 'its target is the root');
  await link(join(root, ...parts), path).catch(taken(entry));
};

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ownerOf = (entry: ReadEntry, { uid, gid, count }: Owners): Owner => {
  if (count === 1) return { uid, gid };
  const shift = (field: string, base: number, id: number): number => {
    if (Number.isInteger(id) && id >= 0 && id < count) return base + id;
    throw refused(entry, `expected a ${field} from 0 to ${count - 1}, got ${id}`);
  };
  return { uid: shift('uid', uid, entry.uid ?? 0), gid: shift('gid', gid, entry.gid ?? 0) };
};

// Sticky stays; set-uid and set-gid are useless in a cell (no_new_privs) and useful to a process that escapes from one.
const modeOf = (entry: ReadEntry, fallback: number): number => (entry.mode ?? fallback) & 0o1777;

const timeOf = (entry: ReadEntry): Date => entry.mtime ?? new Date(0);

const taken =
  (entry: ReadEntry) =>
  (error: NodeJS.ErrnoException): never => {
    if (error.code === 'EEXIST') throw refused(entry, 'an earlier entry has the same path');
    throw error;
  };

const misplaced = (entry: ReadEntry): ImageError =>
  refused(entry, `a ${entry.type} has no place in an image`);

const refused = (entry: ReadEntry, why: string): ImageError =>
  new ImageError(`entry ${JSON.stringify(entry.path)}: refused: ${why}`);
