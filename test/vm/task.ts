/** Turns a command of the host into a script for the test machine. */

import { lstatSync, realpathSync } from 'node:fs';
import { delimiter } from 'node:path';
import type { Task } from './machine.ts';

// Folders that are empty in the machine whatever the host has there, and variables that point into them.
const COVERED = ['/tmp', '/run'];
const LEFT_OUT = new Set(['TMPDIR', 'XDG_RUNTIME_DIR']);

/**
 * What the machine has to do to run a command as it would run on the host: in the same folder, with the same
 * environment and programs.
 */
export const taskOf = (argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Task => {
  const variables = Object.entries(env).filter(([name]) => !LEFT_OUT.has(name));
  const words = [...variables.map(([name, value]) => `${name}=${value}`), ...argv].map(quote).join(' ');
  const used = [
    cwd,
    process.execPath,
    ...(env['PATH'] ?? '').split(delimiter),
    env['CLOISTER_IMAGE_MIRROR'] ?? '',
  ];
  return { script: `cd ${quote(cwd)} && exec env -i ${words}`, folders: coveredFolders(used) };
};

/** The folders directly below a covered one that hold any of the paths. */
const coveredFolders = (paths: readonly string[]): string[] => {
  const folders = new Set<string>();
  for (const path of paths) {
    for (const name of [path, resolved(path)]) {
      const parent = COVERED.find((folder) => name.startsWith(`${folder}/`));
      const child = name.split('/')[2];
      if (parent !== undefined && child) folders.add(`${parent}/${child}`);
    }
  }
  return [...folders].filter((folder) => lstatSync(folder, { throwIfNoEntry: false })?.isDirectory());
};

/** Where a path leads; a path that leads nowhere, or where we may not look, stands for itself. */
const resolved = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

/** One word of the shell's language. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
