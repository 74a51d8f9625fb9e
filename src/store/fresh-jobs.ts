/** Jobs as they were just written, for readers of the events about it. */

import type { Job, JobStatus } from '../jobs/job.ts';

/** The most jobs that are kept. With more, all are forgotten, and read from the database when they are needed. */
const MOST = 512;

/** Saves reading jobs again that were just written, since their events are read right after that. */
export class FreshJobs {
  readonly #byId = new Map<string, Map<JobStatus, Job>>();

  /** A job has been written, and its state is that of an event. */
  note(job: Job): void {
    if (this.#byId.size >= MOST) this.clear();
    const versions = this.#byId.get(job.id) ?? new Map<JobStatus, Job>();
    this.#byId.set(job.id, versions.set(job.state.status, job));
  }

  /** A job in the state of an event, if its row is still what it was then. */
  get(id: string, status: JobStatus): Job | undefined {
    return this.#byId.get(id)?.get(status);
  }

  /** The row of a job is being changed. */
  forget(id: string): void {
    this.#byId.delete(id);
  }

  /** A write was rolled back. */
  clear(): void {
    this.#byId.clear();
  }
}
