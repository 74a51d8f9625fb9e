/** Reads files named by flags as text. */

import { readFile } from 'node:fs/promises';
import { CliError } from './errors.ts';

/** @throws CliError that names the flag when the file cannot be read or is not UTF-8 */
export const readTextFile = async (flag: string, file: string): Promise<string> => {
  try {
    return decode(flag, JSON.stringify(file), await readFile(file));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${flag}: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};

/** Decodes bytes as UTF-8, strictly: the schema accepts only text. */
export const decode = (flag: string, source: string, bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CliError(`${flag}: expected text in UTF-8, got something else from ${source}`);
  }
};
