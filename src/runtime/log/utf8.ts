/** Decoding of UTF-8 that arrives in pieces, with the state between two pieces as plain bytes. */

export const NOTHING: Uint8Array = new Uint8Array(0);

/** The replacement for bytes that are not UTF-8. */
export const REPLACEMENT = '\uFFFD';

// A byte order mark is content: a log is not a text file that begins with one.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text, and the bytes that are none yet. */
export interface Decoded {
  readonly text: string;
  /** The beginning of a character that the next piece may complete: 0 to 3 bytes. */
  readonly pending: Uint8Array;
}

/**
 * Decodes one piece. All pieces together give what `TextDecoder` gives for all bytes at once; at the end, pending
 * bytes are one U+FFFD.
 *
 * @param pending what the previous piece left
 */
export const decodeUtf8 = (pending: Uint8Array, bytes: Uint8Array): Decoded => {
  const all = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
  const rest = incompleteEnd(all);
  if (rest.length === 0) return { text: decoder.decode(all), pending: NOTHING };
  return { text: decoder.decode(all.subarray(0, all.length - rest.length)), pending: Uint8Array.from(rest) };
};

/**
 * The incomplete character at the end of `bytes`: a view of 0 to 3 bytes. It depends on the last three bytes only,
 * because a lead byte always begins a character.
 */
export const incompleteEnd = (bytes: Uint8Array): Uint8Array => {
  for (let length = 1; length <= 3 && length <= bytes.length; length++) {
    const end = bytes.subarray(bytes.length - length);
    if (!isContinuation(end[0] ?? 0)) return isIncomplete(end) ? end : NOTHING;
  }
  return NOTHING;
};

/** Whether `bytes` are the beginning of a character, but not all of it. */
export const isIncomplete = (bytes: Uint8Array): boolean => {
  const [lead, second, third] = bytes;
  if (lead === undefined || bytes.length >= lengthOf(lead)) return false;
  if (second === undefined) return true;
  const [least, most] = secondByteRange(lead);
  return second >= least && second <= most && (third === undefined || isContinuation(third));
};

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

// Table 3-7 of the Unicode standard ("Well-Formed UTF-8 Byte Sequences"); 0: no character begins like this.
const lengthOf = (lead: number): number => {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
};

const secondByteRange = (lead: number): readonly [number, number] => {
  switch (lead) {
    case 0xe0:
      return [0xa0, 0xbf];
    case 0xed:
      return [0x80, 0x9f];
    case 0xf0:
      return [0x90, 0xbf];
    case 0xf4:
      return [0x80, 0x8f];
    default:
      return [0x80, 0xbf];
  }
};
