/** Turns the credentials of a request into an identity. */
import type { Tokens } from '../access/tokens.ts';
import type { Identity } from '../jobs/service.ts';

/**
 * Decides who the caller is: the one place where that is decided.
 *
 * @param authorization the Authorization header (RFC 6750), or what a WebSocket client sent in its place
 * @returns `null` without a valid token
 */
export const decideIdentity = (authorization: unknown, tokens: Pick<Tokens, 'identify'>): Identity | null => {
  const secret = typeof authorization === 'string' ? /^Bearer ([^ ]+)$/i.exec(authorization)?.[1] : undefined;
  return secret === undefined ? null : tokens.identify(secret);
};
