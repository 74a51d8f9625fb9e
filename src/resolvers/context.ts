import type { Identity, JobService } from '../jobs/service.ts';

/** What every resolver is given. */
export interface Context {
  /** Who asks; `null`: nobody whom the server knows. */
  readonly identity: Identity | null;
  readonly jobs: JobService;
}
