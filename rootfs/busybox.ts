/** The fallback for an image that cannot be downloaded: a root file system made of BusyBox. */

import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, lstat, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ImageError, reasonOf } from './errors.ts';
import { absent, makeFolder, makeLink, type Owners } from './tree.ts';

const run = promisify(execFile);

const SYSTEM_PATHS = ['/bin/busybox', '/usr/bin/busybox'];

const FOLDERS: readonly (readonly [path: string, mode: number])[] = [
  ['bin', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['home', 0o755],
  ['lib', 0o755],
  ['media', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o755],
  ['root', 0o700],
  ['run', 0o755],
  ['sbin', 0o755],
  ['srv', 0o755],
  ['sys', 0o755],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['usr/bin', 0o755],
  ['usr/lib', 0o755],
  ['usr/sbin', 0o755],
  ['usr/share', 0o755],
  ['var', 0o755],
  ['var/cache', 0o755],
  ['var/lib', 0o755],
  ['var/log', 0o755],
  ['var/spool', 0o755],
  ['var/tmp', 0o1777],
];

const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnobody:x:65534:\n',
  'etc/hosts': '127.0.0.1\tlocalhost\n::1\tlocalhost\n',
  'etc/os-release': 'ID=busybox\nNAME="BusyBox"\nPRETTY_NAME="BusyBox (stands in for Alpine Linux)"\n',
};

/**
 * Builds a root file system from one static BusyBox in `root`, an existing empty folder.
 *
 * @param scratch a folder for temporary files; the caller removes it
 * @returns the version that BusyBox reports
 * @throws ImageError if there is no static BusyBox and the distribution has none
 */
export const buildBusyboxRoot = async (
  root: string,
  owners: Owners,
  scratch: string,
  signal?: AbortSignal,
): Promise<string> => {
  const busybox = (await installedBusybox()) ?? (await packagedBusybox(scratch, signal));
  for (const [path, mode] of FOLDERS) await makeFolder(join(root, path), mode, owners);
  await makeLink('/run', join(root, 'var/run'), owners);
  for (const [path, text] of Object.entries(FILES)) {
    await writeFile(join(root, path), text, { flag: 'wx' });
    await chown(join(root, path), owners.uid, owners.gid);
    await chmod(join(root, path), 0o644);
  }
  await copyFile(busybox, join(root, 'bin/busybox'));
  await chown(join(root, 'bin/busybox'), owners.uid, owners.gid);
  await chmod(join(root, 'bin/busybox'), 0o755);
  const { stdout: applets } = await run(busybox, ['--list-full']);
  for (const applet of applets.split('\n')) await linkApplet(root, applet, owners);
  const { stdout: help } = await run(busybox, ['--help']);
  return /^BusyBox v(\S+)/.exec(help)?.[1] ?? 'unknown';
};

const linkApplet = async (root: string, applet: string, owners: Owners): Promise<void> => {
  const path = join(root, applet);
  // An applet in a folder that this tree does not have, and BusyBox itself, need no link.
  if (applet === '' || (await lstat(dirname(path)).catch(absent)) === undefined) return;
  if ((await lstat(path).catch(absent)) === undefined) await makeLink('/bin/busybox', path, owners);
};

const installedBusybox = async (): Promise<string | undefined> => {
  for (const path of SYSTEM_PATHS) {
    if (await isStaticProgram(path)) return path;
  }
  return undefined;
};

/** Extracts BusyBox from Debian's package without installing it, which would replace the system's own BusyBox. */
const packagedBusybox = async (scratch: string, signal: AbortSignal | undefined): Promise<string> => {
  const folder = join(scratch, 'busybox');
  await mkdir(folder);
  const options = { cwd: folder, ...(signal ? { signal } : {}) };
  const fetchPackage = () => run('apt-get', ['--quiet', 'download', 'busybox-static'], options);
  try {
    await fetchPackage().catch(async () => {
      signal?.throwIfAborted();
      await run('apt-get', ['--quiet', 'update'], options);
      await fetchPackage();
    });
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
    if (file === undefined) throw new ImageError('apt-get download left no package');
    await run('dpkg-deb', ['--extract', file, 'content'], options);
    for (const path of SYSTEM_PATHS) {
      if (await isStaticProgram(join(folder, 'content', path))) return join(folder, 'content', path);
    }
    throw new ImageError('the package holds no static program');
  } catch (error) {
    signal?.throwIfAborted();
    throw new ImageError(
      `no static BusyBox: there is none at ${SYSTEM_PATHS.join(' or ')} and Debian's package is not available ` +
        `(${reasonOf(error)}). Install busybox-static, or name a mirror in CLOISTER_IMAGE_MIRROR.`,
      { cause: error },
    );
  }
};

/** Whether a file is a 64-bit little-endian ELF program that asks for no interpreter (elf(5): PT_INTERP is 3). */
const isStaticProgram = async (path: string): Promise<boolean> => {
  const found = await lstat(path).catch(absent);
  if (!found?.isFile()) return false;
  await using file = await open(path, 'r');
  const head = Buffer.alloc(64);
  await file.read(head, 0, head.length, 0);
  if (head.toString('latin1', 0, 6) !== '\u007fELF\u0002\u0001') return false;
  const size = head.readUInt16LE(54);
  const headers = Buffer.alloc(size * head.readUInt16LE(56));
  await file.read(headers, 0, headers.length, Number(head.readBigUInt64LE(32)));
  for (let at = 0; at + size <= headers.length && size >= 4; at += size) {
    if (headers.readUInt32LE(at) === 3) return false;
  }
  return true;
};
