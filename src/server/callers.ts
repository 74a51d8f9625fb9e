/** Who the caller of a request is: the one place where that is decided. */

import type { IncomingMessage } from 'node:http';
import type { Shares } from '../access/shares.ts';
import type { Tokens } from '../access/tokens.ts';
import type { Identity } from '../jobs/service.ts';
import { UNAUTHENTICATED } from '../resolvers/errors.ts';
import { isFromAllowedOrigin } from './cross-origin.ts';
import { decideIdentity } from './identity.ts';
import type { Proxies } from './proxies.ts';
import type { Tls } from './tls.ts';

/** Milliseconds in which answers may end by themselves once their caller is no longer accepted. */
export const ENDING_MS = 2000;

/** The identity of a caller, or why it is refused. */
export type Called =
  | { readonly identity: Identity; readonly refusal?: never }
  | { readonly identity: null; readonly refusal: string };

/** How the sender of a request can be known. */
export interface CallersOptions {
  readonly tokens: Tokens;
  readonly shares: Pick<Shares, 'identify'>;
  readonly tls?: Tls | undefined;
  readonly proxies?: Proxies | undefined;
  /** Origins of other sites whose pages may use the API, with a token only. */
  readonly allowedOrigins?: readonly string[];
}

/** Decides who callers are, by what they bring: a token, a client certificate, or the word of a proxy. */
export class Callers {
  readonly #options: CallersOptions;

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /**
   * Who the caller of a request, or of the handshake of a WebSocket, is. The word of a trusted proxy counts, then a
   * token, then the certificate of the connection; but a connection whose certificate is not accepted is refused, and
   * so is the header of an untrusted proxy. A page of another origin has to send a token: what its browser adds by
   * itself does not count.
   *
   * @param authorization the Authorization header (RFC 6750), or what a WebSocket client sent in its place
   */
  decide(request: IncomingMessage, authorization: unknown = request.headers.authorization): Called {
    const { tokens, shares, tls, proxies, allowedOrigins = [] } = this.#options;
    const refusal = this.refusalOn(request);
    if (refusal !== undefined) return { identity: null, refusal };
    if (!isFromAllowedOrigin(request.headers, allowedOrigins)) {
      const named = proxies?.callerOf(request)?.identity;
      if (named !== undefined) return { identity: named };
      const held = authorization === undefined ? tls?.callerOn(request.socket)?.identity : undefined;
      if (held !== undefined) return { identity: held };
    }
    const identity = decideIdentity(authorization, tokens) ?? decideIdentity(authorization, shares);
    return identity === null ? { identity, refusal: UNAUTHENTICATED } : { identity };
  }

  /** Why a connection or request is refused whatever token it has; or `undefined`. */
  refusalOn(request: IncomingMessage): string | undefined {
    const { tls, proxies } = this.#options;
    const certificate = tls?.callerOn(request.socket)?.refusal;
    if (certificate !== undefined) return `client certificate: ${certificate}`;
    const proxy = proxies?.callerOf(request)?.refusal;
    return proxy === undefined ? undefined : `${proxies?.header}: ${proxy}`;
  }
}
