/** The shares of a server: who may show which job to everybody who has a link. */

import { badInput, notFound } from '../jobs/errors.ts';
import { newJobId } from '../jobs/id.ts';
import type { Job } from '../jobs/job.ts';
import type { Identity } from '../jobs/service.ts';
import { stored } from '../jobs/stored.ts';
import type { Rights } from './rights.ts';
import { hashOf, newSecret } from './secret.ts';
import type { Share, ShareStore, StoredShare } from './share.ts';

/** What shared links are kept and revoked with. */
export interface SharesOptions {
  readonly store: ShareStore;
  /** Closes what was opened with a share when it is revoked. */
  readonly rights: Rights;
  /** Milliseconds since 1970. Default: the wall clock. */
  readonly now?: () => number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** How long a link is valid by default. */
export const SHARE_MS = 7 * DAY_MS;
const SHORTEST_MS = MINUTE_MS;
const LONGEST_MS = 365 * DAY_MS;
/** The most links of one job that can be valid at the same time. */
const MOST_SHARES = 20;
/** The most links of one job that are kept, with those that were revoked. */
const MOST_KEPT = 100;

/**
 * All shares, in memory as well as in the store, which one server has at a time. Who may share a job, and see its shares,
 * the job service has decided before.
 */
export class Shares {
  readonly #options: SharesOptions;
  readonly #byHash = new Map<string, StoredShare>();
  readonly #byId = new Map<string, StoredShare>();
  /** The ids of the shares of each job, the oldest first. */
  readonly #byJob = new Map<string, Set<string>>();

  private constructor(options: SharesOptions, all: readonly StoredShare[]) {
    this.#options = options;
    for (const share of all) this.#set(share);
  }

  /** Loads the stored shares. */
  static async open(options: SharesOptions): Promise<Shares> {
    return new Shares(options, await options.store.all());
  }

  /**
   * Who the caller with the secret of a link is: somebody who sees one job.
   *
   * @returns `null` if no link has this secret, or the link was revoked or has expired
   */
  identify(secret: string): Identity | null {
    const share = this.#byHash.get(hashOf(secret));
    if (share === undefined || !this.#isValid(share)) return null;
    const { id, jobId, expiresAt } = share;
    return {
      subject: `share ${id}`,
      role: 'VIEWER',
      method: 'SHARE',
      jobId,
      credential: credentialOf(id),
      validUntil: expiresAt,
    };
  }

  /**
   * The shares of a job, the oldest first. Revoked ones are included until they would have expired, or there are too many.
   */
  of({ id }: Job): readonly Share[] {
    return [...(this.#byJob.get(id) ?? [])]
      .map((share) => this.#byId.get(share))
      .filter((share) => share !== undefined)
      .filter((share) => !this.#isExpired(share));
  }

  /** The job that a share shows; `undefined` where there is no such share. */
  jobIdOf(id: string): string | undefined {
    return this.#byId.get(id)?.jobId;
  }

  /**
   * Makes a link to a job that the caller may control; it is on disk when the promise settles.
   *
   * @returns it, and its secret, which nobody can read again
   * @throws ClientError `BAD_USER_INPUT`, `STORAGE_FULL`
   */
  async create(
    { subject }: Identity,
    job: Job,
    expiresInMs = SHARE_MS,
  ): Promise<{ share: Share; secret: string }> {
    if (expiresInMs < SHORTEST_MS || expiresInMs > LONGEST_MS)
      throw badInput('input.expiresIn', 'a duration from 1m to 365d', expiresInMs);
    if (this.of(job).filter((share) => this.#isValid(share)).length >= MOST_SHARES)
      throw badInput(
        'input.jobId',
        `a job with less than ${MOST_SHARES} links in use: revoke some first`,
        job.id,
      );
    const now = this.#now();
    const secret = newSecret();
    const share: StoredShare = {
      id: newJobId(),
      jobId: job.id,
      createdBy: subject,
      createdAt: new Date(now),
      expiresAt: new Date(now + expiresInMs),
      revokedAt: null,
      hash: hashOf(secret),
    };
    await this.#removeExpired();
    await stored(this.#options.store.insert(share));
    this.#set(share);
    await this.#boundKept(job);
    return { share, secret };
  }

  /**
   * Revokes a link, on disk when the promise settles, and ends what was opened with it. One that was revoked before is
   * answered as it is.
   *
   * @throws ClientError `NOT_FOUND`, `STORAGE_FULL`
   */
  async revoke(id: string): Promise<Share> {
    const share = this.#byId.get(id);
    if (share === undefined) throw notFound('input.id', 'share', id);
    const revokedAt = share.revokedAt ?? new Date(this.#now());
    await stored(this.#options.store.setRevoked(id, revokedAt));
    const revoked = { ...share, revokedAt };
    this.#set(revoked);
    this.#options.rights.end(credentialOf(id), 'the link was revoked');
    return revoked;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #isExpired({ expiresAt }: Share): boolean {
    return expiresAt.getTime() <= this.#now();
  }

  #isValid(share: Share): boolean {
    return share.revokedAt === null && !this.#isExpired(share);
  }

  /** Forgets the shares of deleted jobs; the store has removed them with the jobs. */
  forget(jobIds: readonly string[]): void {
    for (const jobId of jobIds)
      for (const id of this.#byJob.get(jobId) ?? []) {
        const share = this.#byId.get(id);
        if (share !== undefined) this.#remove(share);
      }
  }

  /** So that they do not accumulate. */
  async #removeExpired(): Promise<void> {
    const expired = [...this.#byId.values()].filter((share) => this.#isExpired(share));
    if (expired.length === 0) return;
    await stored(this.#options.store.removeExpired(new Date(this.#now())));
    for (const share of expired) this.#remove(share);
  }

  /** Of many that were revoked the oldest are removed. */
  async #boundKept(job: Job): Promise<void> {
    const kept = this.of(job);
    const revoked = kept.filter((share) => share.revokedAt !== null);
    for (const { id } of revoked.slice(0, Math.max(0, kept.length - MOST_KEPT))) {
      await stored(this.#options.store.remove(id));
      const share = this.#byId.get(id);
      if (share !== undefined) this.#remove(share);
    }
  }

  #remove({ id, hash, jobId }: StoredShare): void {
    const ofJob = this.#byJob.get(jobId);
    ofJob?.delete(id);
    if (ofJob?.size === 0) this.#byJob.delete(jobId);
    this.#byId.delete(id);
    this.#byHash.delete(hash);
  }

  #set(share: StoredShare): void {
    this.#byId.set(share.id, share);
    this.#byHash.set(share.hash, share);
    const ofJob = this.#byJob.get(share.jobId) ?? new Set();
    this.#byJob.set(share.jobId, ofJob.add(share.id));
  }
}

const credentialOf = (id: string): string => `link ${id}`;
