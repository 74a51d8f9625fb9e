/** The tokens of a server: who has which, and who the caller with one is. */

import { badInput, forbidden, notFound } from '../jobs/errors.ts';
import { checkAll } from '../jobs/faults.ts';
import { newJobId } from '../jobs/id.ts';
import type { Identity, Role } from '../jobs/service.ts';
import { stored } from '../jobs/stored.ts';
import type { Log } from '../log.ts';
import type { Rights } from './rights.ts';
import { hashOf, newSecret } from './secret.ts';
import { checkText } from './subject.ts';
import type { StoredToken, Token, TokenStore } from './token.ts';

/** A token as asked for, before it is checked. */
export interface TokenRequest {
  readonly name: string;
  readonly subject: string;
  readonly role: Role;
  /** Without it the token does not expire. */
  readonly expiresAt?: Date;
}

/** What tokens are kept and checked with. */
export interface TokensOptions {
  readonly store: TokenStore;
  /** The secret of the state folder's own token: subject `admin`, role ADMIN. */
  readonly adminSecret: string;
  /** Keeps another secret in its place, on disk when the promise settles. */
  readonly replaceAdminSecret: (secret: string) => Promise<void>;
  /** Closes what was opened with a token when it is revoked. */
  readonly rights: Rights;
  readonly log: Log;
  /** Milliseconds since 1970. Default: the wall clock. */
  readonly now?: () => number;
}

const ADMIN_CREDENTIAL = 'token admin';
const ADMIN: Identity = {
  subject: 'admin',
  role: 'ADMIN',
  method: 'TOKEN',
  credential: ADMIN_CREDENTIAL,
};
/** Milliseconds between two updates of the time of last use of a token. */
const USE_INTERVAL_MS = 5 * 60_000;

/**
 * All tokens, in memory as well as in the store, which one server has at a time: a caller is recognized without the
 * store, and wrong tokens cost a hash each.
 */
export class Tokens {
  readonly #options: TokensOptions;
  #adminHash: string;
  readonly #byHash = new Map<string, StoredToken>();
  readonly #byId = new Map<string, StoredToken>();
  readonly #writes = new Set<Promise<void>>();
  /** One rotation after the other: the last secret that was kept is the one that is accepted. */
  #rotation: Promise<void> = Promise.resolve();

  private constructor(options: TokensOptions, stored: readonly StoredToken[]) {
    this.#options = options;
    this.#adminHash = hashOf(options.adminSecret);
    for (const token of stored) this.#set(token);
  }

  /** Reads the tokens from the store. */
  static async open(options: TokensOptions): Promise<Tokens> {
    return new Tokens(options, await options.store.all());
  }

  /**
   * Who the caller with a secret is.
   *
   * @returns `null` if no token has this secret, or the token was revoked or has expired
   */
  identify(secret: string): Identity | null {
    const hash = hashOf(secret);
    if (hash === this.#adminHash) return ADMIN;
    const token = this.#byHash.get(hash);
    if (token === undefined || !this.#isValid(token)) return null;
    this.#noteUse(token);
    const { id, subject, role, expiresAt } = token;
    return {
      subject,
      role,
      method: 'TOKEN',
      tokenId: id,
      credential: credentialOf(id),
      ...(expiresAt !== null && { validUntil: expiresAt }),
    };
  }

  /** The token that a caller used; `null` for that of the state folder. */
  of({ tokenId }: Identity): Token | null {
    return (tokenId === undefined ? undefined : this.#byId.get(tokenId)) ?? null;
  }

  /**
   * All tokens, the oldest first, including revoked and expired ones.
   *
   * @throws ClientError `FORBIDDEN`
   */
  list(identity: Identity): readonly Token[] {
    checkAdmin(identity);
    return [...this.#byId.values()];
  }

  /**
   * Makes a token; it is on disk when the promise settles.
   *
   * @returns it, and its secret, which nobody can read again
   * @throws ClientError `FORBIDDEN`, `BAD_USER_INPUT`, `STORAGE_FULL`
   */
  async create(identity: Identity, request: TokenRequest): Promise<{ token: Token; secret: string }> {
    checkAdmin(identity);
    const now = this.#now();
    checkAll({
      name: () => checkText('input.name', request.name),
      subject: () => checkText('input.subject', request.subject),
      expiresAt: () => checkFuture('input.expiresAt', request.expiresAt, now),
    });
    const { name, subject, role, expiresAt = null } = request;
    const secret = newSecret();
    const token: StoredToken = {
      id: newJobId(),
      name,
      subject,
      role,
      createdAt: new Date(now),
      expiresAt,
      lastUsedAt: null,
      revokedAt: null,
      hash: hashOf(secret),
    };
    await stored(this.#options.store.insert(token));
    this.#set(token);
    return { token, secret };
  }

  /**
   * Revokes a token, on disk when the promise settles, and ends what was opened with it. A token that was revoked
   * before is returned unchanged.
   *
   * @throws ClientError `FORBIDDEN`, `NOT_FOUND`, `STORAGE_FULL`
   */
  async revoke(identity: Identity, id: string): Promise<Token> {
    checkAdmin(identity);
    if (!this.#byId.has(id)) throw notFound('input.id', 'token', id);
    const revokedAt = new Date(this.#now());
    await stored(this.#options.store.setRevoked(id, revokedAt));
    const revoked = this.#change(id, (token) => ({ revokedAt: token.revokedAt ?? revokedAt }));
    this.#options.rights.end(credentialOf(id), 'the token was revoked');
    return revoked;
  }

  /**
   * Replaces the token of the state folder, on disk when the promise settles, and ends what was opened with the old one.
   *
   * @returns the new secret
   * @throws ClientError `FORBIDDEN`
   */
  async rotateAdmin(identity: Identity): Promise<string> {
    checkAdmin(identity);
    const secret = newSecret();
    const rotated = this.#rotation.then(async () => {
      await this.#options.replaceAdminSecret(secret);
      this.#adminHash = hashOf(secret);
      this.#options.rights.end(ADMIN_CREDENTIAL, 'the admin token was replaced');
    });
    this.#rotation = rotated.catch(() => undefined);
    await rotated;
    return secret;
  }

  /** Settles when everything is on disk. */
  async close(): Promise<void> {
    await Promise.all([...this.#writes, this.#rotation]);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #isValid({ revokedAt, expiresAt }: Token): boolean {
    return revokedAt === null && (expiresAt === null || expiresAt.getTime() > this.#now());
  }

  #noteUse({ id, lastUsedAt }: Token): void {
    const now = this.#now();
    if (lastUsedAt !== null && Math.abs(now - lastUsedAt.getTime()) < USE_INTERVAL_MS) return;
    const at = new Date(now);
    this.#change(id, () => ({ lastUsedAt: at }));
    const { store, log } = this.#options;
    const write = store
      .setUsed(id, at)
      .catch((error: unknown) =>
        log(`the last use of token ${id} was not stored: ${String(error)}`, { level: 'warn' }),
      )
      .finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  #set(token: StoredToken): void {
    this.#byId.set(token.id, token);
    this.#byHash.set(token.hash, token);
  }

  /** Changes the current version of a token: it may have changed while something was awaited. */
  #change(id: string, change: (token: Token) => Partial<Token>): Token {
    const token = this.#byId.get(id);
    if (token === undefined) throw new Error(`there is no token ${id}`);
    const changed = { ...token, ...change(token) };
    this.#set(changed);
    return changed;
  }
}

const credentialOf = (id: string): string => `token ${id}`;

const checkAdmin = ({ role }: Identity): void => {
  if (role !== 'ADMIN') throw forbidden(['ADMIN'], role);
};

const checkFuture = (field: string, time: Date | undefined, nowMs: number): void => {
  if (time !== undefined && time.getTime() <= nowMs) throw badInput(field, 'a time in the future', time);
};
