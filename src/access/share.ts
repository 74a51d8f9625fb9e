/** A share: a link that shows one job and its log to everybody who has it. */

/** A link with which anybody can see one job until it expires or is revoked. */
export interface Share {
  /** UUIDv7. */
  readonly id: string;
  readonly jobId: string;
  /** The subject of the caller that made it. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

/** A share with the hash by which it is recognized. */
export interface StoredShare extends Share {
  /** The SHA-256 of its secret, in hexadecimal digits. The secret itself is stored nowhere. */
  readonly hash: string;
}

/** Where shares are kept. `src/store/` implements it. A write is on disk when its promise settles. */
export interface ShareStore {
  /** All of them, the oldest first. */
  all(): Promise<readonly StoredShare[]>;
  /** @throws StoreFullError, and an Error where there is no such job */
  insert(share: StoredShare): Promise<void>;
  /** @throws StoreFullError */
  setRevoked(id: string, at: Date): Promise<void>;
  /** Removes those that have expired. @throws StoreFullError */
  removeExpired(now: Date): Promise<void>;
  /** Removes one of them. @throws StoreFullError */
  remove(id: string): Promise<void>;
}
