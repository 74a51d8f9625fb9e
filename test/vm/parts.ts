// What both kinds of test machine are made of, out of packages of the distribution: a kernel, its modules, BusyBox.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CpioEntry } from './cpio.ts';
import { LaneError } from './errors.ts';
import { collectModules, type ModuleSet } from './modules.ts';
import { download } from './packages.ts';

/** Where the content of the packages was unpacked to, and what is looked for in it. */
export interface Sought {
  readonly content: string;
  /** Files of which the first that exists is copied. */
  readonly busybox: readonly string[];
  /** The kernel; undefined where it comes from elsewhere. */
  readonly kernel?: readonly string[];
  /** The folder of the modules of one kernel, and those wanted. */
  readonly modules?: { readonly folder: string; readonly wanted: ModuleSet };
}

/**
 * Downloads packages and makes a folder of what the machine needs of them: `kernel`, `busybox` and `modules/`. They are
 * unpacked and never installed. Does nothing where the folder is there.
 *
 * @param names the packages, asked for only when they are needed
 * @param seek says what to take, given where the packages were unpacked
 * @param fetch puts packages into a folder
 * @throws LaneError when a package is not available or lacks a file
 */
export const fetchParts = async (
  cache: string,
  folder: string,
  names: () => Promise<readonly string[]>,
  seek: (content: string) => Sought,
  fetch: (names: readonly string[], folder: string) => Promise<void> = download,
): Promise<void> => {
  if (existsSync(folder)) return;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'fetch-'));
  try {
    await fetch(await names(), scratch);
    const content = join(scratch, 'content');
    for (const file of readdirSync(scratch)) {
      if (file.endsWith('.deb')) execFileSync('dpkg', ['-x', join(scratch, file), content]);
    }
    const made = join(scratch, 'made');
    mkdirSync(join(made, 'modules'), { recursive: true });
    take(seek(content), made);
    try {
      renameSync(made, folder);
    } catch (error) {
      // Another run has been faster.
      if (!existsSync(folder)) throw error;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
};

const take = ({ content, busybox, kernel, modules }: Sought, made: string): void => {
  const program = join(made, 'busybox');
  copyFileSync(pick(content, busybox), program);
  if (kernel !== undefined) copyFileSync(pick(content, kernel), join(made, 'kernel'));
  if (modules === undefined) return;
  for (const [index, module] of collectModules(modules.folder, modules.wanted).entries()) {
    const number = String(index).padStart(2, '0');
    writeFileSync(join(made, 'modules', `${number}-${module.name}.ko`), module.content);
  }
};

/** The first of the paths below the folder that exists. */
export const pick = (folder: string, candidates: readonly string[]): string => {
  for (const candidate of candidates) if (existsSync(join(folder, candidate))) return join(folder, candidate);
  throw new LaneError(`The packages of the test machine hold no ${candidates.join(' or ')}`);
};

/** Removes the folders of the cache that the pattern matches, but for one. */
export const removeOthers = (cache: string, pattern: RegExp, kept: string): void => {
  for (const name of readdirSync(cache)) {
    if (pattern.test(name) && join(cache, name) !== kept) rmSync(join(cache, name), { recursive: true });
  }
};

/** What the kernel finds at first: BusyBox, the modules in the order in which they are inserted, and init.sh. */
export const firstRoot = (folder: string, parametersOf: ModuleSet): CpioEntry[] => {
  const modules = readdirSync(join(folder, 'modules')).sort();
  const orderLine = (file: string): string =>
    `${file} ${parametersOf[file.replace(/^\d+-/, '').replace(/\.ko$/, '')]?.parameters ?? ''}\n`;
  const made = ['bin', 'dev', 'proc', 'sys', 'modules', 'host', 'layer', 'newroot', 'plain'];
  return [
    ...made.map((path) => ({ path, mode: 0o040755 })),
    { path: 'busybox', mode: 0o100755, content: readFileSync(join(folder, 'busybox')) },
    // The kernel executes /init; /bin/sh does not exist until that script has made it.
    { path: 'init', mode: 0o100755, content: Buffer.from('#!/busybox sh\nexec /busybox sh /init.sh\n') },
    { path: 'init.sh', mode: 0o100755, content: readFileSync(join(import.meta.dirname, 'init.sh')) },
    { path: 'modules/order', mode: 0o100644, content: Buffer.from(modules.map(orderLine).join('')) },
    ...modules.map((file) => ({
      path: `modules/${file}`,
      mode: 0o100644,
      content: readFileSync(join(folder, 'modules', file)),
    })),
  ];
};
