/** Checks of texts in a request, whatever they are for. Each throws a ClientError `BAD_USER_INPUT` that names the field. */

import { badInput } from './errors.ts';

/** PATH_MAX without its closing NUL (path_resolution(7)). */
export const LONGEST_PATH_BYTES = 4095;
/** NAME_MAX. */
export const LONGEST_FILE_NAME_BYTES = 255;

/**
 * A text that a program can be given: without NUL bytes and halves of surrogate pairs.
 *
 * @throws ClientError that names the field
 */
export const checkCharacters = (field: string, text: string): void => {
  if (text.includes('\0')) throw badInput(field, 'text without NUL bytes', text);
  checkUnicode(field, text);
};

/**
 * Half of a surrogate pair has no UTF-8: it would arrive in the cell as another character.
 *
 * @throws ClientError that names the field
 */
export const checkUnicode = (field: string, text: string): string => {
  if (!text.isWellFormed()) throw badInput(field, 'text without unpaired surrogates', text);
  return text;
};

/**
 * A text of at most `mostBytes` in UTF-8.
 *
 * @throws ClientError that names the field
 */
export const checkByteLength = (field: string, text: string, mostBytes: number): void => {
  const bytes = Buffer.byteLength(text);
  if (bytes > mostBytes) throw badInput(field, `at most ${mostBytes} bytes`, `${bytes} bytes`);
};
