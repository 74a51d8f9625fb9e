/**
 * The arguments and variables of this process as they are, also where they are not UTF-8: Node.js replaces what is not
 * with U+FFFD. Texts are those of byte-text.ts.
 */

import { readFileSync } from 'node:fs';
import { bytesOfText, isUnicode, textOfBytes } from '../byte-text.ts';
import { CliError } from './errors.ts';

const REPLACEMENT = '\ufffd';

/** The NUL-terminated strings of a file in proc(5). */
const strings = (file: 'cmdline' | 'environ'): readonly string[] =>
  // NUL is the same in both encodings.
  textOfBytes(readFileSync(`/proc/self/${file}`))
    .split('\0')
    .slice(0, -1);

/**
 * The arguments of this program.
 *
 * @throws CliError where they cannot be known
 */
export const ownArguments = (): readonly string[] => {
  const seen = process.argv.slice(2);
  if (seen.length === 0 || !seen.some((text) => text.includes(REPLACEMENT))) return seen;
  try {
    return strings('cmdline').slice(-seen.length);
  } catch (error) {
    throw new CliError('expected arguments in UTF-8: others cannot be read on this system', 1, {
      cause: error,
    });
  }
};

/**
 * The value of an environment variable of this process; `undefined`: it is not set.
 *
 * @throws CliError that names the flag where it cannot be known
 */
export const ownVariable = (
  flag: string,
  name: string,
  seen: Readonly<Record<string, string | undefined>>,
): string | undefined => {
  const value = seen[name];
  if (value === undefined || !value.includes(REPLACEMENT)) return value;
  try {
    const found = strings('environ').find((text) => bytesOfText(text).toString() === `${name}=${value}`);
    return found === undefined ? value : found.slice(name.length + 1);
  } catch (error) {
    throw new CliError(`${flag}: expected ${name} in UTF-8: others cannot be read on this system`, 1, {
      cause: error,
    });
  }
};

/** @throws CliError that names the flag or argument, for a text that is not UTF-8 */
export const checkText = (what: string, text: string): string => {
  if (isUnicode(text)) return text;
  throw new CliError(`${what}: expected text in UTF-8, got ${JSON.stringify(text.toWellFormed())}`);
};
