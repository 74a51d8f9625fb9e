/** The types Retries and RetriesInput: automatic retries of a job that fails. */
import type { Retries } from '../jobs/job.ts';
import { builder } from './builder.ts';

const HELP = {
  limit: 'The most retries after the first attempt, from 1 to 100.',
  backoff: 'The delay before the first retry, from 0 to 24h; it doubles before each further one, up to 24h.',
} as const;

export const RetriesType = builder.objectRef<Retries>('Retries').implement({
  description: 'Automatic retries of a job.',
  fields: (t) => ({
    limit: t.exposeInt('limit', { description: HELP.limit }),
    backoff: t.expose('backoffMs', { type: 'Duration', description: HELP.backoff }),
  }),
});

export const RetriesInput = builder.inputType('RetriesInput', {
  description:
    'Automatic retries when a job fails: its command ends with a non-zero exit code or by a signal, it exceeds a limit, or it is LOST. STOPPED and FAILED jobs are not retried. Each attempt is a job of its own.',
  fields: (t) => ({
    limit: t.int({ required: true, description: HELP.limit }),
    backoff: t.field({ type: 'Duration', description: `${HELP.backoff} Default 1s.` }),
  }),
});
