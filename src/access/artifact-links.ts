/** Links to single artifacts, for programs that cannot send a token: signed, and valid for a short time. */

import { type LinkKeySource, LinkSigner } from './link-signer.ts';

/** Milliseconds for which a link is accepted; a download that began in time may take longer. */
export const ARTIFACT_LINK_MS = 15 * 60_000;

/** The content of a link, except for its path. */
export interface LinkSignature {
  /** Seconds since 1970. */
  readonly expires: string;
  readonly signature: string;
}

/** Links to artifacts. */
export class ArtifactLinks {
  readonly #signer: LinkSigner;
  readonly #now: () => number;

  /** @param now milliseconds since 1970; default: the wall clock */
  constructor(keys: LinkKeySource, now: () => number = Date.now) {
    this.#signer = new LinkSigner('artifact', keys);
    this.#now = now;
  }

  /** The signature of a link to an artifact that its caller may read. */
  sign(jobId: string, name: string): LinkSignature {
    const expires = String(Math.ceil((this.#now() + ARTIFACT_LINK_MS) / 1000));
    return { expires, signature: this.#signer.sign([jobId, name, expires]) };
  }

  /** Whether a link was signed here for this artifact, and is still accepted. */
  isValid(jobId: string, name: string, { expires, signature }: LinkSignature): boolean {
    return this.#signer.isValid([jobId, name, expires], signature) && Number(expires) * 1000 > this.#now();
  }
}
