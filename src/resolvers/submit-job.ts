import type { LimitsRequest, SubmitRequest } from '../jobs/service.ts';
import { builder, identify } from './builder.ts';
import { CapabilityProfile } from './capability-profile.ts';
import { EnvVarInput } from './env-var.ts';
import { jobPayload } from './job-payload.ts';
import { LabelInput } from './label.ts';
import { LimitsInput } from './limits.ts';
import { wellFormed } from './scalars.ts';

const NetworkMode = builder.enumType('NetworkMode', {
  description: 'What of the network a job sees.',
  values: { NONE: { description: 'Its own loopback and nothing else.' } } as const,
});

const RetriesInput = builder.inputType('RetriesInput', {
  description:
    'Further attempts when the command fails: it ends with another code than 0 or by a signal, exceeds a limit, or is lost. A job that was stopped is not tried again.',
  fields: (t) => ({
    limit: t.int({ required: true, description: 'From 1 to 100 further attempts.' }),
    backoff: t.field({
      type: 'Duration',
      description: 'Before the second attempt; twice as long before each further one. Default 1s.',
    }),
  }),
});

const SubmitJobInput = builder.inputType('SubmitJobInput', {
  description: 'A job to run: exactly one of command and argv, the rest as you like.',
  fields: (t) => ({
    command: t.string({ description: 'A command line, run by /bin/sh -c.' }),
    argv: t.stringList({ description: 'An argument vector, executed as it is.' }),
    image: t.string({ description: 'Default "alpine".' }),
    env: t.field({ type: [EnvVarInput] }),
    workdir: t.string({ description: 'An absolute path that exists in the image. Default "/".' }),
    user: t.string({
      description: 'A name of the image, or uid[:gid]. Default root of the cell, who is nobody on the host.',
    }),
    hostname: t.string({ description: "Default: the job's id." }),
    stdin: t.string({ description: 'Text fed to the command, then end of file. Default: /dev/null.' }),
    network: t.field({ type: NetworkMode }),
    capabilities: t.field({ type: CapabilityProfile }),
    limits: t.field({ type: LimitsInput }),
    labels: t.field({ type: [LabelInput] }),
    name: t.string(),
    priority: t.int({
      description: 'From -100 to 100: of jobs that wait, the highest starts first. Default 0.',
    }),
    startAfter: t.field({ type: 'DateTime', description: 'It does not start before this time.' }),
    retries: t.field({ type: RetriesInput }),
    idempotencyKey: t.string({
      description:
        'For sending a request again whose answer was lost: with the same key it answers with the same job; another request with that key is refused with IDEMPOTENCY_CONFLICT. Kept as long as the job.',
    }),
  }),
});

const SubmitJobPayload = jobPayload('SubmitJobPayload');

builder.mutationField('submitJob', (t) =>
  t.field({
    type: SubmitJobPayload,
    description: 'Runs a command in a cell of its own. Answered when the job is on disk.',
    args: { input: t.arg({ type: SubmitJobInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.submit(identify(context), toRequest(input)),
    }),
  }),
);

const toRequest = (input: typeof SubmitJobInput.$inferInput): SubmitRequest => {
  const { limits, startAfter, retries, ...rest } = input;
  return given({
    ...rest,
    retries: retries
      ? given({ limit: retries.limit, backoff: wellFormed('input.retries.backoff', retries.backoff) })
      : undefined,
    limits: limits ? toLimits(limits) : undefined,
    startAfter: wellFormed('input.startAfter', startAfter),
  });
};

const toLimits = (limits: typeof LimitsInput.$inferInput): LimitsRequest =>
  given({
    cpus: limits.cpus,
    cpuWeight: limits.cpuWeight,
    cpuset: limits.cpuset,
    cpuTime: wellFormed('input.limits.cpuTime', limits.cpuTime),
    memory: wellFormed('input.limits.memory', limits.memory),
    memoryHigh: wellFormed('input.limits.memoryHigh', limits.memoryHigh),
    swap: wellFormed('input.limits.swap', limits.swap),
    pids: limits.pids,
    disk: wellFormed('input.limits.disk', limits.disk),
    inodes: limits.inodes,
    io: limits.io?.map((io, index) =>
      given({
        device: io.device,
        readBps: wellFormed(`input.limits.io[${index}].readBps`, io.readBps),
        writeBps: wellFormed(`input.limits.io[${index}].writeBps`, io.writeBps),
        readIops: io.readIops,
        writeIops: io.writeIops,
      }),
    ),
    timeout: wellFormed('input.limits.timeout', limits.timeout),
    output: wellFormed('input.limits.output', limits.output),
    outputPolicy: limits.outputPolicy,
  });

type Given<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: NonNullable<T[K]> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: NonNullable<T[K]>;
};

/** Without the fields that are null or missing: in an input both say that the field was left out. */
const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as Given<T>;
