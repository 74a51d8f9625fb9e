/** The mutation execInJob, and the fields of Job that link a job and the commands that run in its cell. */
import { Faults, throwTogether } from '../jobs/faults.ts';
import { builder, identify } from './builder.ts';
import { EnvVarInput } from './env-var.ts';
import { JobNode } from './job.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';
import { submitRequest } from './submit-job-input.ts';
import { TerminalSizeInput } from './terminal.ts';

const ExecInJobInput = builder.inputType('ExecInJobInput', {
  description: 'The input of `execInJob`. Exactly one of `command` and `argv` is required.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    command: t.string({
      description: 'A command line for `/bin/sh -c` in the cell, at most 131071 bytes.',
    }),
    argv: t.stringList({ description: 'A program and its arguments, as of SubmitJobInput.' }),
    commandBytes: t.field({
      type: 'Base64',
      description: 'The same as bytes, for a line that is not UTF-8.',
    }),
    argvBytes: t.field({ type: ['Base64'], description: 'The same as bytes, for what is not UTF-8.' }),
    env: t.field({
      type: [EnvVarInput],
      description:
        'Environment variables, in addition to PATH, HOME, TERM and USER. Those of the job are not passed on.',
    }),
    workdir: t.string({ description: 'An absolute path that exists in the cell. Default: that of the job.' }),
    user: t.string({ description: 'The user to run as. Default: that of the job.' }),
    stdin: t.string({ description: 'Text for standard input, followed by end of file.' }),
    stdinBytes: t.field({ type: 'Base64', description: 'The same as bytes, for what is not UTF-8.' }),
    openStdin: t.boolean({
      description: 'Whether standard input stays open for `writeStdin`. Default false.',
    }),
    terminal: t.field({
      type: TerminalSizeInput,
      description: 'Run the command on a terminal of this size.',
    }),
  }),
});

const ExecInJobPayload = jobPayload('execInJob');

builder.mutationField('execInJob', (t) =>
  t.field({
    type: ExecInJobPayload,
    description:
      'Runs another command in the cell of a running job, with the same isolation, and returns it as a job of its own: with its own log, result and usage, and `parent`. The limits of the cell bound both; it ends when the parent ends, at the latest. It does not wait in the queue. Fails with JOB_NOT_RUNNING when the parent does not run, and with UNAVAILABLE while it is paused or 32 commands run in its cell.',
    args: {
      input: t.arg({ type: ExecInJobInput, required: true, description: 'Which job, and which command.' }),
    },
    resolve: async (_root, { input: { jobId, ...input } }, context) => {
      const faults = new Faults();
      const request = submitRequest(input, faults);
      throwTogether(faults.found);
      return { job: await context.jobs.exec(identify(context), jobId, request) };
    },
  }),
);

const MOST_EXECS = 100;

builder.objectFields(JobNode, (t) => ({
  parent: t.field({
    type: JobNode,
    nullable: true,
    description:
      'The job in whose cell this one runs; null for a job with a cell of its own, and once that job has been deleted.',
    resolve: async ({ spec }, _args, context) =>
      spec.execOf === null ? null : ((await context.jobs.get(identify(context), spec.execOf)) ?? null),
  }),
  execs: t.field({
    type: [JobNode],
    description: 'The jobs that `execInJob` has started in the cell of this one, newest first, at most 100.',
    resolve: async ({ id }, _args, context) => {
      const request = {
        limit: MOST_EXECS,
        backward: false,
        order: 'NEWEST_FIRST',
        filter: { execOf: id },
      } as const;
      return [...(await context.jobs.list(identify(context), request)).jobs];
    },
  }),
}));
