/** The states that a job goes through, for the server and for clients. */

/** QUEUED, then RUNNING, then one of the others, which is final. */
export const JOB_STATUSES = [
  'QUEUED',
  'RUNNING',
  'COMPLETED',
  'STOPPED',
  'LIMIT_EXCEEDED',
  'LOST',
  'FAILED',
] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];
/** The states in which a job has ended. */
export type FinalStatus = Exclude<JobStatus, 'QUEUED' | 'RUNNING'>;

/** Whether a job in this state has ended. */
export const isFinalStatus = (status: JobStatus): status is FinalStatus =>
  status !== 'QUEUED' && status !== 'RUNNING';
