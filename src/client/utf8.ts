/** Detects arguments and variables that are not UTF-8: Node.js replaces their invalid bytes with U+FFFD. */

import { readFileSync } from 'node:fs';
import { CliError } from './errors.ts';

const REPLACEMENT = '\ufffd';

/** The NUL-terminated strings of a file in proc(5) that are not UTF-8. */
const malformed = (file: 'cmdline' | 'environ'): readonly string[] => {
  const strings: string[] = [];
  const bytes = readFileSync(`/proc/self/${file}`);
  for (let at = 0, end = bytes.indexOf(0); end >= 0; at = end + 1, end = bytes.indexOf(0, at)) {
    const text = bytes.toString('utf8', at, end);
    if (!Buffer.from(text).equals(bytes.subarray(at, end))) strings.push(text);
  }
  return strings;
};

/** @throws CliError for an argument of this process that is not UTF-8, which would be another one in a job */
export const checkArguments = (): void => {
  if (!process.argv.some((text) => text.includes(REPLACEMENT))) return;
  const [first] = malformed('cmdline');
  if (first !== undefined) throw new CliError(`expected arguments in UTF-8, got ${JSON.stringify(first)}`);
};

/**
 * The value of a variable of this process.
 *
 * @throws CliError that names the flag when it is not UTF-8
 */
export const checkVariable = (flag: string, name: string, value: string): string => {
  if (value.includes(REPLACEMENT) && malformed('environ').includes(`${name}=${value}`))
    throw new CliError(`${flag}: expected a value in UTF-8, got ${JSON.stringify(value)} for ${name}`);
  return value;
};
