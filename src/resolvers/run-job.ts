/** The mutation runJob: submits a job, waits for its end and returns it with its output. */
import { badInput } from '../jobs/errors.ts';
import { Faults } from '../jobs/faults.ts';
import { isFinal, type Job } from '../jobs/job.ts';
import { builder, identify } from './builder.ts';
import { noLongerAuthenticated } from './errors.ts';
import { JobNode } from './job.ts';
import { LogBatch } from './log.ts';
import { logPageArgs, readLogPage } from './log-page.ts';
import { wellFormed } from './scalars.ts';
import { STOP_GRACE_MS } from './stop-job.ts';
import { SubmitJobInput, submitRequest } from './submit-job-input.ts';

const LONGEST_WAIT_MS = 24 * 60 * 60 * 1000;

const RunJobPayload = builder.objectRef<Job>('RunJobPayload').implement({
  description: 'The result of `runJob`.',
  fields: (t) => ({
    job: t.field({
      type: JobNode,
      description: 'The job as it is when the wait is over. For a job that was retried: its latest attempt.',
      resolve: (job) => job,
    }),
    finished: t.boolean({
      description: 'Whether the job has ended. If not, it continues: follow it with `logs` and `jobUpdated`.',
      resolve: ({ state }) => isFinal(state),
    }),
    logs: t.field({
      type: LogBatch,
      nullable: true,
      description:
        'The first page of the output of `job`, or the page that the arguments ask for. Continue with `after: cursor` in `Job.logs` or the subscription `logs` until `endOfLog`. A bad argument is an error of this field alone.',
      args: logPageArgs,
      resolve: (job, args, context, { rootValue }) => readLogPage(job, args, context, rootValue),
    }),
  }),
});

builder.mutationField('runJob', (t) =>
  t.field({
    type: RunJobPayload,
    description:
      'Submits a job as `submitJob` does and waits for its end: one request returns state, usage and output. When `wait` is over first, returns the job as it is then; the job continues. While waiting, an HTTP answer in JSON begins with white space, so that proxies keep the connection open.',
    args: {
      input: t.arg({ type: SubmitJobInput, required: true, description: 'What to run, and how.' }),
      wait: t.arg({
        type: 'Duration',
        defaultValue: 30_000,
        description: 'How long to wait for the end of the job, retries included: from 0 to 24h.',
      }),
      stopOnDisconnect: t.arg.boolean({
        defaultValue: false,
        description:
          'Whether the job is stopped, as by `stopJob`, when the client closes the connection during the wait.',
      }),
    },
    resolve: async (_root, { input, wait, stopOnDisconnect }, context) => {
      const identity = identify(context);
      const faults = new Faults();
      const request = submitRequest(input, faults);
      const waitMs = faults.collect(() => checkWait(wellFormed('wait', wait) ?? 0));
      const { id } = await context.jobs.submit(identity, request, faults.found);
      const waiting = new AbortController();
      // With a reason, since Node.js would make an exception with a stack.
      const stopWaiting = () => waiting.abort('the wait is over');
      for (const signal of [context.over, context.ended]) {
        signal.addEventListener('abort', stopWaiting, { signal: waiting.signal });
        if (signal.aborted) stopWaiting();
      }
      const job = await context.jobs.wait(identity, id, waitMs ?? 0, waiting.signal);
      stopWaiting();
      if (context.ended.aborted) throw noLongerAuthenticated(`${context.ended.reason}; job ${id} continues`);
      return stopOnDisconnect === true && context.over.aborted && !isFinal(job.state)
        ? context.jobs.stop(identity, job.id, STOP_GRACE_MS)
        : job;
    },
  }),
);

const checkWait = (waitMs: number): number => {
  if (waitMs <= LONGEST_WAIT_MS) return waitMs;
  throw badInput('wait', 'a duration from 0 to 24h', waitMs);
};
