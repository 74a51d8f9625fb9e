/** What may name a caller. */

import { badInput } from '../jobs/errors.ts';

/** Characters of a name or a subject. */
export const LONGEST_TEXT = 128;

/**
 * Whether a text can name a caller: counted in characters, without control characters, lone surrogates and the like, so
 * that any terminal can show it.
 */
export const isSubject = (text: string): boolean =>
  text === text.trim() && /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text) && [...text].length <= LONGEST_TEXT;

/**
 * Checks a name that an administrator gives.
 *
 * @throws ClientError `BAD_USER_INPUT`
 */
export const checkText = (field: string, text: string): void => {
  if (!isSubject(text))
    throw badInput(field, `from 1 to ${LONGEST_TEXT} printable characters without space around them`, text);
};
