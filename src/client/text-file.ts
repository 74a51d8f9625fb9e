/** Reads files named by flags as text. */

import { readFile } from 'node:fs/promises';
import { textOfBytes } from '../byte-text.ts';
import { CliError } from './errors.ts';

/** @throws CliError that names the flag when the file cannot be read or is not UTF-8 */
export const readTextFile = async (flag: string, file: string): Promise<string> =>
  decode(flag, JSON.stringify(file), await readNamed(flag, file));

/**
 * A file of any bytes as a text of byte-text.ts.
 *
 * @throws CliError that names the flag when the file cannot be read
 */
export const readByteText = async (flag: string, file: string): Promise<string> =>
  textOfBytes(await readNamed(flag, file));

const readNamed = async (flag: string, file: string): Promise<Buffer> => {
  try {
    return await readFile(file);
  } catch (error) {
    throw new CliError(`${flag}: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};

/**
 * Decodes bytes as UTF-8, strictly: the schema accepts only text.
 *
 * @throws CliError that names the flag and the source
 */
export const decode = (flag: string, source: string, bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CliError(`${flag}: expected text in UTF-8, got something else from ${source}`);
  }
};
