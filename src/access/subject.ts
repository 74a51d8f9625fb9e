/** What may name a caller. */

/** Characters of a name or a subject. */
export const LONGEST_TEXT = 128;

/**
 * Whether a text can name a caller: counted in characters, without control characters, lone surrogates and the like, so
 * that any terminal can show it.
 */
export const isSubject = (text: string): boolean =>
  text === text.trim() && /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text) && [...text].length <= LONGEST_TEXT;
