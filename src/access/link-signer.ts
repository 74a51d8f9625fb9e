/** Signs links that stand for a caller for a short time. */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** Where the keys of links come from. */
export interface LinkKeySource {
  /** What links are signed with. */
  readonly current: Buffer;
  /** What links may have been signed with that are still valid. */
  readonly accepted: readonly Buffer[];
}

/** Signs links of one kind. */
export class LinkSigner {
  readonly #kind: string;
  readonly #keys: LinkKeySource;

  /** @param kind a part of what is signed, so that a link of one kind is not accepted as one of another */
  constructor(kind: string, keys: LinkKeySource) {
    this.#kind = kind;
    this.#keys = keys;
  }

  /** The signature of what a link says, in base64url: HMAC-SHA-256 (RFC 2104). */
  sign(parts: readonly (string | number)[]): string {
    return this.#signed(this.#keys.current, parts);
  }

  /** Whether a link that says this was signed here; takes the same time whatever is wrong with it. */
  isValid(parts: readonly (string | number)[], signature: string): boolean {
    const given = Buffer.from(signature);
    const fits = (key: Buffer): boolean => {
      const right = Buffer.from(this.#signed(key, parts));
      return given.length === right.length && timingSafeEqual(given, right);
    };
    return this.#keys.accepted.map(fits).includes(true);
  }

  #signed(key: Buffer, parts: readonly (string | number)[]): string {
    return createHmac('sha256', key)
      .update(JSON.stringify([this.#kind, ...parts]))
      .digest('base64url');
  }
}
