/** Reads files of NUL-terminated fields that the launcher writes. */

/** The file ends before its field "end", or has another format. */
export class FieldsError extends Error {}

/** The fields of a file that the launcher has written, each ended by a NUL; the bytes of each as latin1. */
export class Fields {
  readonly #what: string;
  readonly #fields: readonly string[];
  #position = 0;

  /** @param what names the file in errors */
  constructor(what: string, data: Buffer) {
    this.#what = what;
    this.#fields = data.toString('latin1').split('\0');
  }

  /** @throws FieldsError when there are no more */
  next(): string {
    // The last element is what follows the last NUL: nothing, or a field cut short.
    if (this.#position >= this.#fields.length - 1) throw new FieldsError(`${this.#what}: it has no end`);
    return this.#fields[this.#position++] ?? '';
  }

  /** @throws FieldsError when the next field is another one */
  expect(field: string): void {
    const got = this.next();
    if (got !== field)
      throw new FieldsError(`${this.#what}: expected ${JSON.stringify(field)}, got ${JSON.stringify(got)}`);
  }
}
