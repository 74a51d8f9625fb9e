/** The kernel modules that the test machine needs. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { LaneError } from './errors.ts';

/** Kernel modules by name, with the parameters they are inserted with. */
export type ModuleSet = Readonly<
  Record<
    string,
    {
      readonly parameters?: string;
      /** Whether a kernel may have neither the module nor its like built in under this name. */
      readonly optional?: boolean;
    }
  >
>;

/** A kernel module, ready to be inserted. */
export interface KernelModule {
  readonly name: string;
  readonly content: Buffer;
}

/**
 * Finds kernel modules and what they depend on, in the order in which they can be inserted. What is built into the
 * kernel is left out.
 *
 * @param folder the modules of one kernel, as in /lib/modules/RELEASE; modules.dep is not needed, which packages do
 *   not hold
 * @throws LaneError when one that is not optional is neither there nor built in
 */
export const collectModules = (folder: string, wanted: ModuleSet): readonly KernelModule[] => {
  const files = new Map<string, string>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (/\.ko(\.\w+)?$/.test(path)) files.set(moduleName(path), join(folder, path));
  }
  const builtin = new Set(lines(join(folder, 'modules.builtin')).map(moduleName));
  const collected = new Map<string, KernelModule>();

  const collect = (name: string): void => {
    if (collected.has(name) || builtin.has(name)) return;
    const file = files.get(name);
    if (file === undefined && wanted[name]?.optional) return;
    if (file === undefined) throw new LaneError(`The kernel in ${folder} has no module ${name}`);
    const content = unpack(file);
    for (const dependency of dependenciesOf(content)) collect(dependency);
    collected.set(name, { name, content });
  };
  for (const name of Object.keys(wanted)) collect(name);
  return [...collected.values()];
};

const lines = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

// Modules are named with underscores in the kernel, and either way as files.
const moduleName = (path: string): string =>
  basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');

const unpack = (file: string): Buffer => {
  if (file.endsWith('.ko')) return readFileSync(file);
  if (file.endsWith('.zst')) return zstdDecompressSync(readFileSync(file));
  if (file.endsWith('.gz')) return gunzipSync(readFileSync(file));
  // The one format that Node.js does not know.
  return execFileSync('busybox', ['xz', '-d', '-c', file], { maxBuffer: 64 << 20 });
};

/** What the module itself says in its section .modinfo: "depends=a,b", between NUL bytes. */
const dependenciesOf = (module: Buffer): string[] => {
  const key = '\0depends=';
  const start = module.indexOf(key, 0, 'latin1');
  if (start === -1) return [];
  const text = module.toString('latin1', start + key.length, module.indexOf(0, start + key.length));
  return text.split(',').filter(Boolean).map(moduleName);
};
