/** Links to single artifacts, for programs that cannot send a token: signed, and valid for a short time. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Milliseconds for which a link is accepted; a download that began in time may take longer. */
export const ARTIFACT_LINK_MS = 15 * 60_000;

/** What a link says besides its path. */
export interface LinkSignature {
  /** Seconds since 1970. */
  readonly expires: string;
  readonly signature: string;
}

/** Signs links with a key that this process alone has: a restart of the server ends all of them. */
export class ArtifactLinks {
  readonly #key = randomBytes(32);
  readonly #now: () => number;

  /** @param now milliseconds since 1970; default: the wall clock */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The signature of a link to an artifact that its caller may read. */
  sign(jobId: string, name: string): LinkSignature {
    const expires = String(Math.ceil((this.#now() + ARTIFACT_LINK_MS) / 1000));
    return { expires, signature: this.#signature(jobId, name, expires).toString('base64url') };
  }

  /** Whether a link was signed here for this artifact, and is still accepted. */
  isValid(jobId: string, name: string, { expires, signature }: LinkSignature): boolean {
    const given = Buffer.from(signature, 'base64url');
    const expected = this.#signature(jobId, name, expires);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    return Number(expires) * 1000 > this.#now();
  }

  /** An id has no NUL, nor has a name. */
  #signature(jobId: string, name: string, expires: string): Buffer {
    return createHmac('sha256', this.#key).update(`artifact\0${jobId}\0${name}\0${expires}`).digest();
  }
}
