/** The errors that a caller can correct, and their wording. */
import type { JobErrorCode } from './error-codes.ts';

/** A mistake of the caller, whose message may be shown to the caller as it is. */
export class ClientError extends Error {
  readonly code: JobErrorCode;
  /** The input field at fault, as a path: `input.limits.memory`. */
  readonly field: string | undefined;
  /** What clients get in addition to the code. */
  readonly details: Readonly<Record<string, unknown>> = {};
  readonly #faults: readonly ClientError[];

  /** @param faults for an error about several values: all of them; the other parameters are those of the first */
  constructor(code: JobErrorCode, message: string, field?: string, faults: readonly ClientError[] = []) {
    super(message);
    this.name = 'ClientError';
    this.code = code;
    this.field = field;
    this.#faults = faults;
  }

  /** Everything that is wrong: this error alone, unless it represents several. */
  get faults(): readonly ClientError[] {
    return this.#faults.length > 0 ? this.#faults : [this];
  }
}

/**
 * A bad value, in the form of all such messages: the field, what was expected, what was received.
 *
 * @param got what arrived; shortened to 80 characters
 */
export const badInput = (field: string, expected: string, got: unknown): ClientError =>
  new ClientError('BAD_USER_INPUT', `${field}: expected ${expected}, got ${show(got)}`, field);

/** Nothing that the caller may see has this id. */
export const notFound = (field: string, what: string, got: string): ClientError =>
  new ClientError('NOT_FOUND', `${field}: no ${what} with id ${show(got)}`, field);

/** The key was first used with other input. */
export const idempotencyConflict = (field: string, key: string): ClientError =>
  new ClientError(
    'IDEMPOTENCY_CONFLICT',
    `${field}: expected the input that this key was first used with, got other input with ${show(key)}`,
    field,
  );

/** The queue takes no more jobs, or no more of one subject. */
export class QueueFullError extends ClientError {
  override readonly name = 'QueueFullError';
  /** The extensions of the error, in addition to the code. */
  override readonly details: { readonly retryAfterMs: number };

  /**
   * @param why which limit of the queue is reached
   * @param retryAfterMs when it is worth trying again
   */
  constructor(why: string, retryAfterMs: number) {
    super('QUEUE_FULL', `the queue is full (${why}): try again later`);
    this.details = { retryAfterMs };
  }
}

/** There is too little room on the disk for another job. */
export const storageFull = (): ClientError =>
  new ClientError('STORAGE_FULL', 'the disk of the state folder is full: try again later');

/** The job was started but has no log. */
export const logLost = (field: string, id: string): ClientError =>
  new ClientError(
    'LOG_LOST',
    `${field}: the log of job ${show(id)} is missing: it was removed, or not restored with the database`,
    field,
  );

/**
 * The request needs a job that is RUNNING.
 *
 * @param status the one it has
 */
export const notRunning = (field: string, status: string): ClientError =>
  new ClientError('JOB_NOT_RUNNING', `${field}: expected a running job, got one that is ${status}`, field);

/**
 * The request needs a job that has ended.
 *
 * @param status the one it has
 */
export const notEnded = (field: string, status: string): ClientError =>
  new ClientError(
    'JOB_NOT_ENDED',
    `${field}: expected a finished job, got one that is ${status}: stop it first`,
    field,
  );

/** The job is pinned, so that it cannot be deleted. */
export const pinned = (field: string): ClientError =>
  new ClientError(
    'JOB_PINNED',
    `${field}: expected a job that is not pinned, got a pinned one: unpin it first`,
    field,
  );

/** @param why who closed the input, and when */
export const stdinClosed = (why: string): ClientError =>
  new ClientError(
    'STDIN_CLOSED',
    `input.jobId: expected a job whose standard input is open: ${why}`,
    'input.jobId',
  );

/** @param bytes that all images may take */
export const imagesFull = (bytes: number): ClientError =>
  new ClientError('IMAGES_FULL', `images take the ${bytes} bytes that they may take: delete some`);

/** @param bytes that all files which were uploaded may take */
export const filesFull = (bytes: number): ClientError =>
  new ClientError(
    'FILES_FULL',
    `files that were uploaded take the ${bytes} bytes that they may take: try again later`,
  );

/** A job that has not ended uses the image of this name. */
export const imageInUse = (field: string, name: string): ClientError =>
  new ClientError(
    'IMAGE_IN_USE',
    `${field}: expected an image that no job uses, got ${show(name)}, which a job that has not ended uses`,
    field,
  );

/** @param allowed the roles that may do it */
export const forbidden = (allowed: readonly string[], role: string): ClientError =>
  new ClientError('FORBIDDEN', `role: expected ${allowed.join(' or ')}, got ${role}`);

/**
 * The request cannot be carried out here, or not now.
 *
 * @param field the input field that names what is unavailable, as a path
 */
export const unavailable = (reason: string, field?: string): ClientError =>
  new ClientError('UNAVAILABLE', reason, field);

const show = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};
