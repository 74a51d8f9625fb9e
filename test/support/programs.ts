/** Compiles the programs of probes. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

const PROJECT = join(import.meta.dirname, '..', '..');
const BUILT = join(PROJECT, 'build', 'test');
const LAUNCHER = join(PROJECT, 'src', 'runtime', 'launcher');

/** A replacement in a source file of the launcher. */
export interface Edit {
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

/**
 * The path of a static program, which runs in a cell as outside.
 *
 * @param source path of its one C file
 */
export const program = (source: string): string => {
  const name = basename(source, '.c');
  const strict = ['-O1', '-Wall', '-Wextra', '-Werror'];
  return compiled(name, readFileSync(source, 'utf8'), (path) => compile([...strict, '-o', path, source]));
};

/**
 * The path of a launcher whose source is edited.
 *
 * @throws Error when there is no such text in its source, or more than one: the source has changed, and with it what
 *   is to be edited
 */
export const editedLauncher = (name: string, edits: readonly Edit[]): string => {
  const sources = new Map(
    readdirSync(LAUNCHER)
      .toSorted()
      .map((file) => [file, readFileSync(join(LAUNCHER, file), 'utf8')]),
  );
  for (const { file, text, by } of edits) {
    const parts = sources.get(file)?.split(text) ?? [];
    if (parts.length !== 2)
      throw new Error(`${file} has ${JSON.stringify(text)} ${parts.length - 1} times, not once`);
    sources.set(file, parts.join(by));
  }
  return compiled(name, JSON.stringify([...sources]), (path) => {
    const folder = `${path}.source`;
    cpSync(LAUNCHER, folder, { recursive: true });
    for (const [file, text] of sources) writeFileSync(join(folder, file), text);
    const files = [...sources.keys()].filter((file) => file.endsWith('.c'));
    compile(['-w', '-o', path, ...files.map((file) => join(folder, file))]);
  });
};

const compile = (parameters: readonly string[]): void => {
  execFileSync('cc', ['-std=gnu17', '-static', ...parameters], { stdio: 'pipe' });
};

/** Compiled once for each source by the first test that needs it: test files run at the same time. */
const compiled = (name: string, source: string, make: (path: string) => void): string => {
  const path = join(BUILT, `${name}-${createHash('sha256').update(source).digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return path;
  mkdirSync(BUILT, { recursive: true });
  const folder = mkdtempSync(join(BUILT, `.${name}-`));
  try {
    make(join(folder, name));
    // For cells as well, whatever the umask.
    chmodSync(join(folder, name), 0o755);
    renameSync(join(folder, name), path);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return path;
};
