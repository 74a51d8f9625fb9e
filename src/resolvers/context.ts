/** The context value that every resolver receives. */

import type { ArtifactLinks } from '../access/artifact-links.ts';
import type { Audit } from '../access/audit.ts';
import type { AuthorizedFiles } from '../access/authorized-files.ts';
import type { AuthorizedJobs } from '../access/authorized-jobs.ts';
import type { Quotas } from '../access/quotas.ts';
import type { Tokens } from '../access/tokens.ts';
import type { ImageService } from '../jobs/images.ts';
import type { Identity } from '../jobs/service.ts';
import type { AnswerBudget } from './answer-budget.ts';

/** How much each subject has open. */
export interface Open {
  readonly subscriptions: Counts;
  readonly connections: Counts;
}

/** How much of something each subject has. */
export interface Counts {
  /** The number of one subject. */
  of(subject: string): number;
  /** The subjects that have any. */
  subjects(): Iterable<string>;
}

/** What resolvers know of a request. */
export interface Context {
  /** The caller; `null` when the request carried no valid token. */
  readonly identity: Identity | null;
  readonly jobs: AuthorizedJobs;
  /** The URL by which the caller reaches the server, without a slash at its end: links begin with it. */
  readonly baseUrl: string;
  readonly images: ImageService;
  readonly artifactLinks: ArtifactLinks;
  readonly files: AuthorizedFiles;
  readonly tokens: Tokens;
  readonly quotas: Quotas;
  readonly audit: Audit;
  readonly open: Open;
  /** The budget of this operation. */
  readonly budget: AnswerBudget;
  /** Aborted when the client has disconnected, or has its answer. */
  readonly over: AbortSignal;
  /** Aborted when the caller is no longer accepted; the reason is a clause that says why. */
  readonly ended: AbortSignal;
}
