/** The context value that every resolver receives. */
import type { Identity, JobService } from '../jobs/service.ts';

export interface Context {
  /** The caller; `null` when the request carried no valid token. */
  readonly identity: Identity | null;
  readonly jobs: JobService;
}
