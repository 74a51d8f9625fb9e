/**
 * Text that stands for bytes which need not be UTF-8, such as arguments of programs: a byte that belongs to no character
 * is a lone surrogate, from U+DC80 to U+DCFF, as in Python's "surrogateescape" (PEP 383). Text that came as text has none.
 */

const ESCAPE = 0xdc00;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text from which `bytesOfText` makes the same bytes again. */
export const textOfBytes = (bytes: Uint8Array): string => {
  let text = '';
  let begin = 0;
  const decodeUntil = (end: number): void => {
    if (end > begin) text += decoder.decode(bytes.subarray(begin, end));
  };
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      decodeUntil(at);
      text += String.fromCharCode(ESCAPE + (bytes[at] ?? 0));
      begin = at + 1;
    }
    at += Math.max(1, length);
  }
  decodeUntil(bytes.length);
  return text;
};

/** The bytes that a text stands for. */
export const bytesOfText = (text: string): Buffer =>
  isUnicode(text) ? Buffer.from(text) : Buffer.concat(pieces(text).map(bytesOfPiece));

/** How many bytes a text stands for. */
export const byteLengthOfText = (text: string): number =>
  // Each escaped byte counts as U+FFFD, which has three.
  Buffer.byteLength(text) - 2 * (text.match(ESCAPED)?.length ?? 0);

/** Whether a text is the same in UTF-8: none of its bytes is escaped. */
export const isUnicode = (text: string): boolean => text.isWellFormed();

// With the flag `u` a surrogate of a pair is no match.
const ESCAPED = /[\udc80-\udcff]/gu;

const pieces = (text: string): readonly string[] => text.split(/([\udc80-\udcff]+)/u);

/** Every second piece is escaped; of its units, latin1 takes the low bytes. */
const bytesOfPiece = (piece: string, index: number): Buffer =>
  Buffer.from(piece, index % 2 === 0 ? 'utf8' : 'latin1');

/** The bytes of the character that begins there (Unicode standard, table 3-7); 0: none does. */
const characterLength = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  for (let index = 1; index < length; index++) {
    const byte = bytes[at + index] ?? 0;
    const least = index > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = index > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte < least || byte > most) return 0;
  }
  return length;
};
