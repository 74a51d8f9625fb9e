/** Signs links that stand for a caller for a short time. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Signs with a key that this process alone has: a restart of the server ends all of its links. */
export class LinkSigner {
  readonly #key = randomBytes(32);

  /** The signature of what a link says, in base64url: HMAC-SHA-256 (RFC 2104). */
  sign(parts: readonly (string | number)[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64url');
  }

  /** Whether a link that says this was signed here; takes the same time whatever is wrong with it. */
  isValid(parts: readonly (string | number)[], signature: string): boolean {
    const [given, right] = [Buffer.from(signature), Buffer.from(this.sign(parts))];
    return given.length === right.length && timingSafeEqual(given, right);
  }
}
