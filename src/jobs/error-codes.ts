/** The codes of errors that the job service reports, with what each means to a client. */

export const JOB_ERROR_CODES = {
  BAD_USER_INPUT:
    'A value in the input is malformed, out of range or does not fit the rest. `field` names it; correct it before you send the request again.',
  FILES_FULL:
    'The files uploaded to the server have reached the limit on their total size. Those that no job needs are removed in time: try again later.',
  FORBIDDEN: 'The caller may not do this, or the request came from another origin or for another host.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key was used before with different input.',
  IMAGES_FULL: 'The images of the server have reached the limit on their total size. Delete some.',
  IMAGE_IN_USE: 'A job that has not ended uses the image, which therefore stays.',
  JOB_NOT_ENDED: 'The job must have ended for this. Stop it first.',
  JOB_NOT_RUNNING: 'The job must be running for this, and is queued or has ended.',
  JOB_PINNED: 'The job is pinned and cannot be deleted. Unpin it first.',
  LIMIT_UNAVAILABLE:
    'This host cannot enforce a limit that was requested. The message names what is missing and the remedy.',
  LOG_LOST:
    'The job was started, but its log is missing: it was removed from the state folder, or not restored with the database.',
  NOT_FOUND:
    'No object has this id (it may have been deleted), or nothing is at this path of the server, or of the cell.',
  QUEUE_FULL:
    'Too many jobs are waiting, in all or of the caller, or those that wait were given too many bytes of input. Try again after `retryAfterMs`.',
  QUOTA_EXCEEDED:
    'A quota of the caller is used up: `extensions.quota` and `value` say which, `retryAfterMs` when it is worth trying again.',
  STDIN_CLOSED:
    'The standard input of the job takes no more bytes: its end was written, or the command closed it.',
  STORAGE_FULL: 'The disk of the server is full. Try again later.',
  UNAVAILABLE: 'This cannot be done now. The message says why.',
} as const;

/** A code of the job service. */
export type JobErrorCode = keyof typeof JOB_ERROR_CODES;
