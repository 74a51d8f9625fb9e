/** A token, with which a caller authenticates. */

import type { Role } from '../jobs/service.ts';

/** What is known of a token; its secret is not kept. */
export interface Token {
  /** UUIDv7. */
  readonly id: string;
  /** For people: what it is used for. */
  readonly name: string;
  /** The owner of the jobs that are submitted with it. */
  readonly subject: string;
  readonly role: Role;
  readonly createdAt: Date;
  /** `null`: it does not expire. */
  readonly expiresAt: Date | null;
  /** Up to some minutes before its last use; `null`: it was never used. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** A token with the hash by which it is recognized. */
export interface StoredToken extends Token {
  /** The SHA-256 of its secret, in hexadecimal digits. The secret itself is stored nowhere. */
  readonly hash: string;
}

/** Where tokens are kept. `src/store/` implements it. A write is on disk when its promise settles. */
export interface TokenStore {
  /** All of them, the oldest first. */
  all(): Promise<readonly StoredToken[]>;
  /** @throws StoreFullError */
  insert(token: StoredToken): Promise<void>;
  /** @throws StoreFullError */
  setRevoked(id: string, at: Date): Promise<void>;
  /** @throws StoreFullError */
  setUsed(id: string, at: Date): Promise<void>;
}
