/** Bounds how many values the JSON of a request has, before any of them is made. */

/** Elements of lists and fields of objects: room for as many arguments as a job may have, and all else it is given. */
export const MOST_VALUES = 110_000;
/** Room for as many environment variables as a job may have. An object costs several times as much as a string. */
export const MOST_OBJECTS = 12_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;

/**
 * What a JSON text (RFC 8259) has too many of, as text for people, or `undefined`. Invalid JSON is counted as well.
 * Sixteen megabytes of `{}` are five million objects: to parse them alone takes seconds.
 */
export const excessValues = (json: string): string | undefined => {
  let values = 0;
  let objects = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at);
    else if (code === COMMA || code === OPEN_BRACKET) values += 1;
    else if (code === OPEN_BRACE) {
      values += 1;
      objects += 1;
      if (objects > MOST_OBJECTS) return `expected at most ${MOST_OBJECTS} objects in one request`;
    }
    if (values > MOST_VALUES)
      return `expected at most ${MOST_VALUES} elements of lists and fields of objects in one request`;
  }
  return undefined;
};

/** Index of the quotation mark that ends a string, or of the end of the text. */
const endOfString = (json: string, start: number): number => {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let before = end;
    while (json.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    // Each backslash escapes the one that follows it; the last one of an odd number the quotation mark.
    if ((end - before) % 2 === 0) return end;
  }
  return json.length;
};
