/** Who the caller of a request is: the one place where that is decided. */

import type { IncomingMessage } from 'node:http';
import type { Tokens } from '../access/tokens.ts';
import type { Identity } from '../jobs/service.ts';
import { UNAUTHENTICATED } from '../resolvers/errors.ts';
import { decideIdentity } from './identity.ts';
import type { Tls } from './tls.ts';

/** Milliseconds that answers have to end by themselves when their caller is no longer accepted. */
export const ENDING_MS = 2000;

/** Who a caller is, or why it is nobody here. */
export type Called =
  | { readonly identity: Identity; readonly refusal?: never }
  | { readonly identity: null; readonly refusal: string };

export interface CallersOptions {
  readonly tokens: Tokens;
  readonly tls?: Tls | undefined;
}

/** Decides who callers are, by what they bring: a token, or a client certificate. */
export class Callers {
  readonly #options: CallersOptions;

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /**
   * Who the caller of a request, or of the handshake of a WebSocket, is. A token that is given counts, whatever certificate
   * the connection has; but nobody gets in with a certificate that is not accepted.
   *
   * @param authorization the Authorization header (RFC 6750), or what a WebSocket client sent in its place
   */
  decide(request: IncomingMessage, authorization: unknown = request.headers.authorization): Called {
    const { tokens, tls } = this.#options;
    const held = tls?.callerOn(request.socket);
    if (held?.refusal !== undefined)
      return { identity: null, refusal: `client certificate: ${held.refusal}` };
    if (authorization === undefined && held !== undefined) return { identity: held.identity };
    const identity = decideIdentity(authorization, tokens);
    return identity === null ? { identity, refusal: UNAUTHENTICATED } : { identity };
  }

  /** Why no WebSocket is opened on a connection, or `undefined`. */
  refusalOn({ socket }: IncomingMessage): string | undefined {
    const refusal = this.#options.tls?.callerOn(socket)?.refusal;
    return refusal === undefined ? undefined : `client certificate: ${refusal}`;
  }
}
