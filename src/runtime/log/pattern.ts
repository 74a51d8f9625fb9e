/** What lines of a log are searched for: a text or a regular expression. */

import { RE2JS, RE2JSException } from 're2js';
import { LONGEST_TEXT_BYTES } from './page.ts';

/** A text that is searched for, and how much of a log may be searched for it at a time. */
export interface Pattern {
  /** Whether a line matches; without its newline. */
  matches(line: Buffer): boolean;
  /** Whether one of these whole lines may match. Quicker than each of them. */
  mayMatch(lines: Buffer): boolean;
  /** A longer line is searched in parts of this size, so that memory and the time of one step stay bounded. */
  readonly longestLineBytes: number;
  /** Bytes that such parts have in common, so that a match of up to one byte more is found wherever they are cut. */
  readonly overlapBytes: number;
  /** Bytes of output that are searched for one page at most. */
  readonly mostSearchedBytes: number;
}

/** A text that cannot be searched for: the caller's mistake. */
export class PatternError extends RangeError {
  override readonly name = 'PatternError';
  /** What was expected, as a phrase. */
  readonly expected: string;

  constructor(expected: string, options?: ErrorOptions) {
    super(`grep: expected ${expected}`, options);
    this.expected = expected;
  }
}

const NEWLINE = '\n';

/**
 * @param regex the text is a regular expression of RE2, which takes time in proportion to what is searched, whatever the
 *   expression. It is applied to each line as UTF-8, without newline and a carriage return before that
 * @throws PatternError for a text of no or too many bytes or with a newline, and for a malformed expression
 */
export const compilePattern = (text: string, regex: boolean): Pattern => {
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > LONGEST_TEXT_BYTES || text.includes(NEWLINE))
    throw new PatternError(`from 1 to ${LONGEST_TEXT_BYTES} bytes of text without a newline`);
  return regex ? expression(text) : plain(text);
};

const plain = (text: string): Pattern => {
  const needle = Buffer.from(text);
  return {
    matches: (line) => line.includes(needle),
    mayMatch: (lines) => lines.includes(needle),
    longestLineBytes: 1 << 20,
    overlapBytes: needle.length - 1,
    mostSearchedBytes: 64 << 20,
  };
};

const expression = (text: string): Pattern => {
  const compiled = compile(text);
  // Its anchors mean the same in many lines at once as in each of them.
  const isLocal = !/\\[Az]|\(\?[a-zA-Z]*-/.test(text);
  return {
    matches: (line) => compiled.test(line.toString().replace(/\r$/, '')),
    mayMatch: (lines) => !isLocal || compiled.test(lines.toString().replaceAll('\r\n', NEWLINE)),
    longestLineBytes: 64 << 10,
    overlapBytes: 1023,
    mostSearchedBytes: 8 << 20,
  };
};

const compile = (text: string): RE2JS => {
  try {
    return RE2JS.compile(text, RE2JS.MULTILINE);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // The flag is ours.
    const why = error.message.replace(/^error parsing regexp: /, '').replace('`(?m)', '`');
    throw new PatternError(`a regular expression of RE2 (${why})`, { cause: error });
  }
};
