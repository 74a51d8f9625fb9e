/** Writes JSON in pieces, so that a large answer neither delays others nor is held in memory as one text. */

/** Characters of a piece; control characters take six times as many. */
const PIECE_CHARACTERS = 64 * 1024;

/**
 * The text that `JSON.stringify` makes of a value, in pieces that are made when they are asked for.
 *
 * @param value of objects, lists and what has a JSON text; neither cyclic nor deep
 */
export const jsonPieces = (value: unknown): Generator<string> => new Writer().all(value);

class Writer {
  #text = '';

  *all(value: unknown): Generator<string> {
    yield* this.#write(value);
    if (this.#text !== '') yield this.#take();
  }

  *#write(value: unknown): Generator<string> {
    if (typeof value === 'string' && value.length > PIECE_CHARACTERS) yield* this.#long(value);
    else if (Array.isArray(value)) yield* this.#list(value);
    else if (isPlain(value)) yield* this.#fields(value);
    else this.#text += JSON.stringify(value) ?? 'null';
    if (this.#text.length >= PIECE_CHARACTERS) yield this.#take();
  }

  *#list(items: readonly unknown[]): Generator<string> {
    this.#text += '[';
    for (const [index, item] of items.entries()) {
      if (index > 0) this.#text += ',';
      yield* this.#write(item);
    }
    this.#text += ']';
  }

  *#fields(fields: object): Generator<string> {
    let separator = '{';
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      this.#text += `${separator}${JSON.stringify(name)}:`;
      separator = ',';
      yield* this.#write(value);
    }
    this.#text += separator === '{' ? '{}' : '}';
  }

  *#long(text: string): Generator<string> {
    this.#text += '"';
    for (let start = 0; start < text.length; ) {
      let end = start + PIECE_CHARACTERS;
      // Each half of a surrogate pair would be escaped.
      if (isFirstHalf(text.charCodeAt(end - 1))) end -= 1;
      this.#text += JSON.stringify(text.slice(start, end)).slice(1, -1);
      yield this.#take();
      start = end;
    }
    this.#text += '"';
  }

  #take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

/** Whether an object is written field by field. Objects of graphql-js have no prototype. */
const isPlain = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
};

/** The first of the two units that a character beyond U+FFFF has in UTF-16. */
const isFirstHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
