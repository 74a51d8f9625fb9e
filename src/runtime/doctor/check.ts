/** The result of a check, and the machine that is checked. */

/** One result of the doctor. */
export interface Check {
  readonly name: string;
  /** `WARN`: jobs run, but something about them is weaker or will cause trouble. */
  readonly status: 'PASS' | 'FAIL' | 'WARN';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** The machine that is checked. */
export interface Machine {
  /** Where procfs is mounted. */
  readonly proc: string;
  /** Of the kernel, from uname(2). */
  readonly release: string;
  /** Effective user id. */
  readonly uid: number;
}

/**
 * A check that found nothing to improve.
 *
 * @param name of what was checked
 * @param detail what was found
 */
export const pass = (name: string, detail: string): Check => ({ name, status: 'PASS', detail });

/** A check that found a weakness: jobs still run. */
export const warn = (name: string, detail: string, remedy: string): Check => ({
  name,
  status: 'WARN',
  detail,
  remedy,
});

/** A check that found why jobs do not run. */
export const fail = (name: string, detail: string, remedy: string): Check => ({
  name,
  status: 'FAIL',
  detail,
  remedy,
});

/** An error in one line. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s*\n\s*/g, '; ');
