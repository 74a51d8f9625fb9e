/** The file ends before its token "end", or is another one. */
export class TokensError extends Error {}

/** The tokens of a file that the launcher has written, each ended by a NUL; the bytes of each as latin1. */
export class Tokens {
  readonly #what: string;
  readonly #tokens: readonly string[];
  #position = 0;

  /** @param what names the file in errors */
  constructor(what: string, data: Buffer) {
    this.#what = what;
    this.#tokens = data.toString('latin1').split('\0');
  }

  /** @throws TokensError when there is none any more */
  next(): string {
    // The last element is what follows the last NUL: nothing, or a token cut short.
    if (this.#position >= this.#tokens.length - 1) throw new TokensError(`${this.#what}: it has no end`);
    return this.#tokens[this.#position++] ?? '';
  }

  /** @throws TokensError when the next token is another one */
  expect(token: string): void {
    const got = this.next();
    if (got !== token)
      throw new TokensError(`${this.#what}: expected ${JSON.stringify(token)}, got ${JSON.stringify(got)}`);
  }
}
