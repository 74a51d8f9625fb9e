/** The quotas of subjects: the server's defaults, and what admins have set for individual subjects. */

import { badInput, forbidden } from '../jobs/errors.ts';
import { checkAll } from '../jobs/faults.ts';
import { QUOTA_NAMES, type QuotaValues, type SubjectQuotas } from '../jobs/quota.ts';
import type { Identity } from '../jobs/service.ts';
import { stored } from '../jobs/stored.ts';
import { checkText } from './subject.ts';

/** The quotas set for one subject; those left out have the defaults. */
export type QuotaOverrides = Partial<{ readonly [Name in keyof QuotaValues]: number }>;

/** The quotas of one subject. */
export interface Quota {
  /** `null`: the defaults, which apply to every subject without overrides. */
  readonly subject: string | null;
  readonly values: QuotaValues;
  /** The names of the quotas that were set for it. */
  readonly set: readonly (keyof QuotaValues)[];
}

/** Where overrides are kept. `src/store/` implements it. A write is on disk when its promise settles. */
export interface QuotaStore {
  /** By subject. */
  all(): Promise<ReadonlyMap<string, QuotaOverrides>>;
  /**
   * Empty overrides remove the subject.
   *
   * @throws StoreFullError
   */
  set(subject: string, overrides: QuotaOverrides): Promise<void>;
}

/** A change as asked for: a number sets a quota, `null` resets it to the default, omitted fields are unchanged. */
export type QuotaRequest = { readonly subject: string } & Partial<{
  readonly [Name in keyof QuotaValues]: number | null;
}>;

/** The names of quotas in the API. */
export const QUOTA_FIELDS: Readonly<Record<keyof QuotaValues, string>> = {
  runningJobs: 'runningJobs',
  queuedJobs: 'queuedJobs',
  cpus: 'cpus',
  memoryBytes: 'memory',
  submissionsPerMinute: 'submissionsPerMinute',
  storageBytes: 'storage',
  filesBytes: 'files',
  subscriptions: 'subscriptions',
  connections: 'connections',
};

/** All quotas, in memory as well as in the store, which one server has at a time. */
export class Quotas implements SubjectQuotas {
  readonly #store: QuotaStore;
  readonly #defaults: QuotaValues;
  readonly #overrides: Map<string, QuotaOverrides>;
  readonly #listeners = new Set<() => void>();

  private constructor(
    store: QuotaStore,
    defaults: QuotaValues,
    overrides: ReadonlyMap<string, QuotaOverrides>,
  ) {
    this.#store = store;
    this.#defaults = defaults;
    this.#overrides = new Map(overrides);
  }

  /** Reads what was set before. */
  static async open(store: QuotaStore, defaults: QuotaValues): Promise<Quotas> {
    return new Quotas(store, defaults, await store.all());
  }

  /** What a subject may have now. */
  of(subject: string): QuotaValues {
    return { ...this.#defaults, ...this.#overrides.get(subject) };
  }

  /** Calls a listener after each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The quotas of the caller. */
  own({ subject }: Identity): Quota {
    return this.#quota(subject);
  }

  /**
   * The defaults, then the subjects that have overrides and some others, by name.
   *
   * @param others further subjects, such as those that have jobs
   * @throws ClientError `FORBIDDEN`
   */
  list(identity: Identity, others: Iterable<string> = []): readonly Quota[] {
    checkAdmin(identity);
    const defaults: Quota = { subject: null, values: this.#defaults, set: [] };
    const subjects = new Set([...this.#overrides.keys(), ...others]);
    return [defaults, ...[...subjects].sort().map((subject) => this.#quota(subject))];
  }

  /**
   * Changes the quotas of a subject, from now on and for later servers; on disk when the promise settles. Whatever the
   * subject already has above its quota stays.
   *
   * @throws ClientError `FORBIDDEN`, `BAD_USER_INPUT`, `STORAGE_FULL`
   */
  async set(identity: Identity, { subject, ...changes }: QuotaRequest): Promise<Quota> {
    checkAdmin(identity);
    checkAll({
      subject: () => checkText('input.subject', subject),
      values: () => {
        for (const name of QUOTA_NAMES) checkValue(name, changes[name]);
      },
    });
    const before = this.#overrides.get(subject) ?? {};
    const overrides: QuotaOverrides = Object.fromEntries(
      QUOTA_NAMES.flatMap((name) => {
        const asked = changes[name];
        const value = asked === undefined ? before[name] : asked;
        return value === undefined || value === null ? [] : [[name, value]];
      }),
    );
    await stored(this.#store.set(subject, overrides));
    if (Object.keys(overrides).length === 0) this.#overrides.delete(subject);
    else this.#overrides.set(subject, overrides);
    for (const listener of [...this.#listeners]) listener();
    return this.#quota(subject);
  }

  #quota(subject: string): Quota {
    const overrides = this.#overrides.get(subject) ?? {};
    const set = QUOTA_NAMES.filter((name) => overrides[name] !== undefined);
    return { subject, values: this.of(subject), set };
  }
}

const checkAdmin = ({ role }: Identity): void => {
  if (role !== 'ADMIN') throw forbidden(['ADMIN'], role);
};

const checkValue = (name: keyof QuotaValues, value: number | null | undefined): void => {
  if (value === undefined || value === null) return;
  const isValid = name === 'cpus' ? value >= 0 && value <= 1e6 : Number.isSafeInteger(value) && value >= 0;
  if (!isValid) throw badInput(`input.${QUOTA_FIELDS[name]}`, 'a number from 0 on', value);
};
