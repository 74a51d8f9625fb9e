/** Tokens and quotas that are kept in memory. */

import { Audit } from '../../src/access/audit.ts';
import { Quotas } from '../../src/access/quotas.ts';
import { Rights } from '../../src/access/rights.ts';
import { Shares } from '../../src/access/shares.ts';
import type { StoredToken, TokenStore } from '../../src/access/token.ts';
import { Tokens } from '../../src/access/tokens.ts';
import { UNBOUNDED } from '../../src/jobs/quota.ts';

/** The secret of the admin token. */
export const TOKEN = 'the-token-of-the-tests-0123456789abcdefgh';

/** A token store in memory. It records its writes. */
export class FakeTokenStore implements TokenStore {
  readonly writes: string[] = [];

  async all(): Promise<readonly StoredToken[]> {
    return [];
  }

  async insert({ name }: StoredToken): Promise<void> {
    this.writes.push(`insert ${name}`);
  }

  async setRevoked(): Promise<void> {
    this.writes.push('revoked');
  }

  async setUsed(): Promise<void> {
    this.writes.push('used');
  }
}

/** An audit log that keeps nothing. */
export const openAudit = (): Audit =>
  new Audit({
    store: {
      add: async () => undefined,
      page: async () => ({ entries: [], hasNext: false, hasPrevious: false }),
      removeBefore: async () => 0,
    },
    log: () => undefined,
    keepMs: null,
    tokenName: () => null,
  });

export const openQuotas = (): Promise<Quotas> =>
  Quotas.open({ all: async () => new Map(), set: async () => undefined }, UNBOUNDED);

export const openShares = (rights = new Rights()): Promise<Shares> =>
  Shares.open({
    store: {
      all: async () => [],
      insert: async () => undefined,
      setRevoked: async () => undefined,
      removeExpired: async () => undefined,
      remove: async () => undefined,
    },
    rights,
  });

export const openTokens = (rights = new Rights()): Promise<Tokens> =>
  Tokens.open({
    store: new FakeTokenStore(),
    adminSecret: TOKEN,
    replaceAdminSecret: async () => undefined,
    rights,
    log: (line) => {
      throw new Error(line);
    },
  });
