/** Runs a check of `lint/` on a small project. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { disposers } from '../support/disposers.ts';

const LINT = join(import.meta.dirname, '..', '..', 'lint');

/** The contents of the files of a project, by path. */
type Files = Readonly<Record<string, string>>;

/**
 * A function that runs a check, to be made once in a test file.
 *
 * @param name of the file in `lint/`
 * @returns what the check says of a project of these files, and the status it exits with
 */
export const checkOf = (
  name: string,
): ((
  files: Files,
  flags?: readonly string[],
) => { readonly status: number | null; readonly errors: string }) => {
  const onEnd = disposers();
  return (files, flags = []) => {
    const root = mkdtempSync(join(tmpdir(), 'cloister-lint-'));
    onEnd(() => rmSync(root, { recursive: true }));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const options = { cwd: root, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(process.execPath, [join(LINT, name), ...flags], options);
    return { status, errors: stderr };
  };
};
