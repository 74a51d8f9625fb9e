/** The environment of a job: from files, flags and the shell. */

import { isUnicode } from '../byte-text.ts';
import { base64 } from './base64.ts';
import { CliError } from './errors.ts';
import { expected } from './flag-values.ts';
import type { EnvVarInput } from './generated/operations.ts';
import { readByteText } from './text-file.ts';
import { checkText, ownVariable } from './utf8.ts';

const WHAT = 'NAME=VALUE, or the NAME of a variable that is set here';

/**
 * Each variable once, in the order of first occurrence. A later value replaces an earlier one, and flags replace values
 * from files, as in docker.
 *
 * @param files in the format of docker's `--env-file`: `NAME=VALUE` or `NAME` a line, `#` begins a comment
 * @param flags `NAME=VALUE` or `NAME`
 * @param secrets the same, for variables whose values are never shown
 * @param shell where the value of a bare `NAME` comes from
 * @throws CliError that names the flag, and the line of a file
 */
export const environment = async (
  files: readonly string[],
  flags: readonly string[],
  shell: Readonly<Record<string, string | undefined>>,
  secrets: readonly string[] = [],
): Promise<readonly EnvVarInput[]> => {
  const variables = new Map<string, string>();
  const set = (flag: string, text: string): void => {
    const at = text.indexOf('=');
    const name = checkText(flag, at === -1 ? text : text.slice(0, at));
    const value = at === -1 ? ownVariable(flag, name, shell) : text.slice(at + 1);
    if (name === '' || value === undefined) throw expected(flag, WHAT, text);
    variables.set(name, value);
  };
  for (const file of files)
    for (const [index, line] of (await readByteText('--env-file', file)).split(/\r?\n/).entries()) {
      const text = line.trimStart();
      if (text === '' || text.startsWith('#')) continue;
      if (/\s/.test(text.split('=', 1)[0] ?? ''))
        throw new CliError(
          `--env-file ${file}, line ${index + 1}: expected a name without spaces, got ${JSON.stringify(text)}`,
        );
      set(`--env-file ${file}, line ${index + 1}`, text);
    }
  for (const text of flags) set('--env', text);
  const open = new Set(variables.keys());
  for (const text of secrets) {
    const name = text.split('=', 1)[0] ?? '';
    if (open.has(name)) throw expected('--secret-env', 'a variable that no other flag sets', name);
    set('--secret-env', text);
  }
  return [...variables].map(([name, value]) => ({
    name,
    ...(isUnicode(value) ? { value } : { valueBytes: base64(value) }),
    ...(!open.has(name) && { secret: true }),
  }));
};
