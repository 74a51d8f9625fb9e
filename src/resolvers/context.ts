/** The context value that every resolver receives. */
import type { Quotas } from '../access/quotas.ts';
import type { Tokens } from '../access/tokens.ts';
import type { ImageService } from '../jobs/images.ts';
import type { Identity, JobService } from '../jobs/service.ts';
import type { AnswerBudget } from './answer-budget.ts';

export interface Context {
  /** The caller; `null` when the request carried no valid token. */
  readonly identity: Identity | null;
  readonly jobs: JobService;
  readonly images: ImageService;
  readonly tokens: Tokens;
  readonly quotas: Quotas;
  /** Of this operation. */
  readonly budget: AnswerBudget;
  /** Aborted when the client has gone, or has its answer. */
  readonly over: AbortSignal;
  /** Aborted, with a clause that says why, when the caller is no longer who it was. */
  readonly ended: AbortSignal;
}
