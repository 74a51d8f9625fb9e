/** Secrets of tokens. */

import { createHash, randomBytes } from 'node:crypto';

/** The prefix by which secret scanners find tokens of Cloister. */
const PREFIX = 'clo_';

/** A new secret: the prefix and 43 characters of base64url (RFC 4648), 256 random bits. */
export const newSecret = (): string => `${PREFIX}${randomBytes(32).toString('base64url')}`;

/**
 * The hash by which a secret is recognized: its SHA-256, in hexadecimal digits. A slow hash would protect no better,
 * since a secret of 256 random bits cannot be guessed, and would let wrong tokens keep the server busy.
 */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
