/** Turns the credentials of a request into an identity. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Identity } from '../jobs/service.ts';

const ADMIN: Identity = { subject: 'admin', role: 'ADMIN', method: 'TOKEN' };

/**
 * Decides who the caller is: the one place where that is decided.
 *
 * @param authorization the Authorization header (RFC 6750), or what a WebSocket client sent in its place
 * @param token the admin token
 * @returns `null` without a valid token
 */
export const decideIdentity = (authorization: unknown, token: string): Identity | null => {
  const given = typeof authorization === 'string' ? /^Bearer ([^ ]+)$/i.exec(authorization)?.[1] : undefined;
  return given !== undefined && isSame(given, token) ? ADMIN : null;
};

/** Takes the same time wherever the texts differ. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
