/** The audit log: who did what to which job, when, from where, with what outcome. */

import { badInput, ClientError, forbidden } from '../jobs/errors.ts';
import { newJobId } from '../jobs/id.ts';
import type { Identity } from '../jobs/service.ts';
import { BrokenUpload } from '../jobs/uploads.ts';
import type { Log } from '../log.ts';

/** What is recorded. */
export const AUDIT_ACTIONS = [
  'SUBMIT_JOB',
  'EXEC_IN_JOB',
  'WRITE_STDIN',
  'RESIZE_TERMINAL',
  'READ_FILE',
  'WRITE_FILE',
  'STOP_JOB',
  'PAUSE_JOB',
  'RESUME_JOB',
  'SIGNAL_JOB',
  'DELETE_JOB',
  'PIN_JOB',
  'SHARE_JOB',
  'REVOKE_SHARE',
  'CREATE_UPLOAD',
  'UPLOAD_FILE',
  'DOWNLOAD_ARTIFACT',
  'SAVE_IMAGE',
  'IMPORT_IMAGE',
  'PULL_IMAGE',
  'DELETE_IMAGE',
  'CREATE_TOKEN',
  'REVOKE_TOKEN',
  'ROTATE_ADMIN_TOKEN',
  'SET_QUOTA',
  'SIGN_IN',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One entry of the audit log. */
export interface AuditEntry {
  /** UUIDv7: entries sort by time. */
  readonly id: string;
  readonly time: Date;
  readonly action: AuditAction;
  /** Who did it; `null`: unknown, as for a failed sign-in. */
  readonly subject: string | null;
  readonly jobId: string | null;
  /** What the action was about, other than the job: an id or name, shortened. */
  readonly target: string | null;
  /** Secret variables that a command was given. */
  readonly secrets: number;
  /** The address of the client, or of a proxy before it; `null`: the Unix socket. */
  readonly address: string | null;
  /** As the client calls itself, shortened. */
  readonly userAgent: string | null;
  /** The name of the token that was used; `null`: that of the state folder, or none. */
  readonly token: string | null;
  /** `OK`, the code of the error, or `BROKEN_OFF` of an upload. */
  readonly outcome: string;
}

/** An entry before it is recorded. */
type NewEntry = Omit<AuditEntry, 'id' | 'time'>;

/** Where a request came from. */
export interface AuditSource {
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** What was done with what. */
export interface AuditSubject {
  readonly jobId?: string | undefined;
  readonly target?: string | undefined;
  readonly secrets?: number | undefined;
}

/** Which entries: every field that is set must match. */
export interface AuditFilter {
  readonly action?: AuditAction;
  readonly subject?: string;
  readonly jobId?: string;
  /** `true`: only those that failed; `false`: only those that did not. */
  readonly failed?: boolean;
  readonly since?: Date;
  readonly until?: Date;
}

/** Which entries of the audit log a page has, newest first. */
export interface AuditPageRequest {
  readonly limit: number;
  /** The last entries that match, instead of the first. */
  readonly backward: boolean;
  /** The id of an entry: those that are older. */
  readonly after?: string;
  /** The id of an entry: those that are newer. */
  readonly before?: string;
  readonly filter: AuditFilter;
}

/** A page of the audit log, newest first. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

/** Where the audit log is kept. `src/store/` implements it. */
export interface AuditStore {
  /**
   * Adds entries; they are on disk when the promise settles.
   *
   * @throws StoreFullError
   */
  add(entries: readonly AuditEntry[]): Promise<void>;
  /** The entries of a page. */
  page(request: AuditPageRequest): Promise<AuditPage>;
  /** Removes entries older than a time; a bounded number in each call. */
  removeBefore(time: Date): Promise<number>;
}

/** Where entries of the audit log are kept, and for how long. */
export interface AuditOptions {
  readonly store: AuditStore;
  readonly log: Log;
  /** Milliseconds for which an entry is kept; `null`: forever. */
  readonly keepMs: number | null;
  /** The name of the token of a caller. */
  readonly tokenName: (identity: Identity) => string | null;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const LONGEST_TEXT = 200;
/**
 * For actions that clients repeat, such as typing: only the first within this time is recorded for each client, job and
 * target.
 */
const REPEATED: ReadonlySet<AuditAction> = new Set([
  'WRITE_STDIN',
  'RESIZE_TERMINAL',
  'READ_FILE',
  'WRITE_FILE',
  // In parts.
  'UPLOAD_FILE',
  'DOWNLOAD_ARTIFACT',
]);
const REPEATED_MS = 600_000;
/** How many of them are remembered with the time of their last entry: beyond that, some are recorded more often. */
const MOST_REPEATED = 10_000;
const SWEEP_MS = 3_600_000;
/** Failed sign-ins that are recorded in a minute: further ones are only counted in the log. */
const MOST_SIGN_INS = 60;
/** Actions of one subject that were refused or have failed, and are recorded in a minute. */
const MOST_FAILURES = 60;
const MINUTE_MS = 60_000;
/** The largest page. */
export const MOST_AUDIT_ENTRIES = 100;

/** Records what callers do, and gives it to admins. */
export class Audit {
  readonly #options: AuditOptions;
  readonly #writes = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  /** When repeated actions were last recorded, oldest first. */
  readonly #repeated = new Map<string, number>();
  /** Failures of each subject in this minute. */
  readonly #failures = new Map<string, number>();
  #failuresSinceMs = Number.NEGATIVE_INFINITY;
  #signIns = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#sweep();
  }

  /**
   * Carries out an action and records it with its outcome, also when it fails.
   *
   * @param work the action. It may call `done` in the transaction that carries it out, which then includes the entry:
   *   both are on disk together, or neither is
   * @param about describes the target; called when the action is over, without a result if it failed
   */
  async record<T>(
    identity: Identity,
    action: AuditAction,
    work: (done: (result: T) => void) => Promise<T>,
    about: (result?: T) => AuditSubject = () => ({}),
  ): Promise<T> {
    const entryOf = (outcome: string, { jobId, target, secrets = 0 }: AuditSubject): NewEntry => ({
      action,
      subject: identity.subject,
      jobId: jobId === undefined ? null : inert(jobId),
      target: target === undefined ? null : inert(target),
      secrets,
      ...sourceOf(identity.source),
      token: this.#options.tokenName(identity),
      outcome,
    });
    const note = async (entry: NewEntry): Promise<void> => {
      if (!this.#isRepeated(entry) && this.#isCounted(entry)) await this.#add(entry);
    };
    let noted: { readonly entry: NewEntry; readonly write: Promise<void> } | undefined;
    const done = (result: T): void => {
      const entry = entryOf('OK', about(result));
      const write = this.#write(entry);
      // The transaction is rolled back: then the work fails too.
      write.catch(() => undefined);
      noted = { entry, write };
    };
    let result: T;
    try {
      result = await work(done);
    } catch (error) {
      await note(entryOf(outcomeOf(error), about()));
      throw error;
    }
    if (noted === undefined) await note(entryOf('OK', about(result)));
    else await this.#logged(noted.entry, noted.write);
    return result;
  }

  /** Whether the same repeated action was recorded a short time ago. */
  #isRepeated(entry: NewEntry): boolean {
    const { action, subject, jobId, target, address, token, outcome } = entry;
    if (!REPEATED.has(action)) return false;
    const key = JSON.stringify([action, subject, jobId, target, address, token, outcome]);
    const now = performance.now();
    const last = this.#repeated.get(key);
    if (last !== undefined && now - last < REPEATED_MS) return true;
    // Set again, so that it is the newest.
    this.#repeated.delete(key);
    this.#repeated.set(key, now);
    const [oldest] = this.#repeated.keys();
    if (this.#repeated.size > MOST_REPEATED && oldest !== undefined) this.#repeated.delete(oldest);
    return false;
  }

  /** Whether there is room for the entry: what is refused costs its caller nothing, and could fill the disk. */
  #isCounted({ subject, outcome }: NewEntry): boolean {
    if (outcome === 'OK' || subject === null) return true;
    const now = performance.now();
    if (now - this.#failuresSinceMs >= MINUTE_MS) {
      for (const [who, count] of this.#failures) {
        const left = count - MOST_FAILURES;
        if (left > 0)
          this.#options.log(`${left} further actions that failed were not recorded`, {
            level: 'warn',
            subject: who,
          });
      }
      this.#failures.clear();
      this.#failuresSinceMs = now;
    }
    const count = (this.#failures.get(subject) ?? 0) + 1;
    this.#failures.set(subject, count);
    return count <= MOST_FAILURES;
  }

  /** Records a failed sign-in, but only the first few of a flood. */
  signInFailed(source: AuditSource): void {
    const now = performance.now();
    if (now - this.#signIns.sinceMs >= MINUTE_MS) {
      const left = this.#signIns.count - MOST_SIGN_INS;
      if (left > 0)
        this.#options.log(`${left} further sign-ins that failed were not recorded`, { level: 'warn' });
      this.#signIns = { sinceMs: now, count: 0 };
    }
    this.#signIns.count += 1;
    if (this.#signIns.count > MOST_SIGN_INS) return;
    const entry = {
      action: 'SIGN_IN',
      subject: null,
      jobId: null,
      target: null,
      secrets: 0,
      ...sourceOf(source),
      token: null,
      outcome: 'UNAUTHENTICATED',
    } as const;
    const write = this.#add(entry).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  /**
   * A page of the audit log, newest first.
   *
   * @throws ClientError `FORBIDDEN`, `BAD_USER_INPUT`
   */
  async page({ role }: Identity, request: AuditPageRequest): Promise<AuditPage> {
    if (role !== 'ADMIN') throw forbidden(['ADMIN'], role);
    const { limit, backward } = request;
    if (!(limit >= 1 && limit <= MOST_AUDIT_ENTRIES))
      throw badInput(backward ? 'last' : 'first', `from 1 to ${MOST_AUDIT_ENTRIES}`, limit);
    return this.#options.store.page(request);
  }

  /** Settles when everything is on disk. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#writes);
  }

  #add(entry: NewEntry): Promise<void> {
    return this.#logged(entry, this.#write(entry));
  }

  #write(entry: NewEntry): Promise<void> {
    const { store, now = Date.now } = this.#options;
    return store.add([{ ...entry, id: newJobId(), time: new Date(now()) }]);
  }

  /** The action cannot be undone by now: an entry that cannot be written goes to the log. */
  async #logged(entry: NewEntry, write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      const { log } = this.#options;
      const { action, subject, jobId, outcome } = entry;
      log(`an entry of the audit log could not be written: ${String(error)}`, {
        level: 'error',
        action,
        outcome,
        ...(subject !== null && { subject }),
        ...(jobId !== null && { jobId }),
      });
    }
  }

  #sweep(): void {
    const { store, log, keepMs, now = Date.now } = this.#options;
    if (keepMs === null) return;
    const remove = async (): Promise<void> => {
      while ((await store.removeBefore(new Date(now() - keepMs))) > 0);
    };
    const sweep = remove()
      .catch((error: unknown) => log(`the audit log: ${String(error)}`, { level: 'error' }))
      .finally(() => this.#writes.delete(sweep));
    this.#writes.add(sweep);
  }
}

const sourceOf = ({ address, userAgent }: AuditSource = {}): Pick<AuditEntry, 'address' | 'userAgent'> => ({
  address: address ?? null,
  userAgent: userAgent === undefined ? null : inert(userAgent),
});

const outcomeOf = (error: unknown): string => {
  if (error instanceof ClientError) return error.code;
  return error instanceof BrokenUpload ? 'BROKEN_OFF' : 'INTERNAL_SERVER_ERROR';
};

const inert = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_TEXT);
