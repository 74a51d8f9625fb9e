/** The type Job, its enums, and the query job. */
import { isUtf8 } from 'node:buffer';
import { chain } from '../async/now.ts';
import { bytesOfText } from '../byte-text.ts';
import { notFound } from '../jobs/errors.ts';
import {
  type Apart,
  type Command,
  type EnvVar,
  isApart,
  type JOB_STATUSES,
  type Job,
  type LIMIT_KINDS,
  type OutputCount,
} from '../jobs/job.ts';
import { commandBytes, envBytes, isTextCommand, textsOf } from '../jobs/payload.ts';
import { OVERHEAD } from './answer-budget.ts';
import { builder, identify } from './builder.ts';
import { CapabilityProfile } from './capability-profile.ts';
import type { Context } from './context.ts';
import { EnvVarType } from './env-var.ts';
import { JobInputFile } from './input-file.ts';
import { IsolationType } from './isolation.ts';
import { LabelType } from './label.ts';
import { LimitHitType } from './limit-hit.ts';
import { LimitsType } from './limits.ts';
import { LogBatch, LogStream } from './log.ts';
import { logPageArgs, readLogPage } from './log-page.ts';
import { NetworkMode } from './network-mode.ts';
import { QueuePlaceType } from './queue-place.ts';
import { RetriesType } from './retries.ts';
import { StopScope } from './stop-scope.ts';
import { TerminalSizeType } from './terminal.ts';
import { UsageType } from './usage.ts';

export const JobStatus = builder.enumType('JobStatus', {
  description:
    'The state of a job. It begins as QUEUED and becomes RUNNING; the others are final. A queued job may also become STOPPED or FAILED.',
  values: {
    QUEUED: {
      description:
        'Stored and waiting: for a free slot, for capacity, or for `startAfter`. `queue` says for what.',
    },
    RUNNING: { description: 'The command is running, or is paused (see `pausedAt`).' },
    COMPLETED: {
      description:
        'The command ended by itself: `exitCode` or `signal` says how. A non-zero exit code is COMPLETED too.',
    },
    STOPPED: {
      description:
        'A client stopped the job with `stopJob`. `startedAt` is null when it had not started. It is not retried.',
    },
    LIMIT_EXCEEDED: {
      description:
        'The job was killed because it exceeded a limit: `limitExceeded` says which, `error` and `limitsHit` how.',
    },
    LOST: {
      description:
        'The job had started, but how it ended is unknown: its supervisor was killed, or the machine went down. Its output up to then is kept. A restart of the server alone does not lose jobs.',
    },
    FAILED: {
      description:
        'The command was never executed, for example because it does not exist or its cell could not be set up. `error` says which step failed and why. A command that ran and failed is COMPLETED.',
    },
  } as const satisfies Record<(typeof JOB_STATUSES)[number], object>,
});

export const LimitKind = builder.enumType('LimitKind', {
  description: 'A limit that ends a job when it is exceeded.',
  values: {
    TIME: { description: 'The wall-clock limit, `timeout`.' },
    CPU_TIME: { description: 'The limit of CPU time, `cpuTime`.' },
    MEMORY: {
      description:
        "The job's limit of memory, the ceiling of all jobs together, or the memory of the host: `limitsHit` says which.",
    },
    OUTPUT: { description: 'The limit of output, `output`, with the policy KILL.' },
  } as const satisfies Record<(typeof LIMIT_KINDS)[number], object>,
});

const OutputType = builder.objectRef<OutputCount>('JobOutput').implement({
  description: 'How many bytes a job wrote, stdout and stderr together.',
  fields: (t) => ({
    kept: t.expose('keptBytes', { type: 'ByteSize', description: 'Bytes in the log.' }),
    dropped: t.expose('droppedBytes', {
      type: 'ByteSize',
      description: 'Bytes that were not kept: beyond the output limit, or because the disk was full.',
    }),
  }),
});

/**
 * From this many variables on, the environment of a job is resolved in a turn of the event loop of its own, so that a
 * hundred of them are not resolved in one.
 */
const MANY_VARIABLES = 32;

export const JobNode = builder.node(builder.objectRef<Job>('Job'), {
  description:
    'A command, the settings it was submitted with, its state, and its result. Every field of SubmitJobInput but `idempotencyKey` can be read back under the same name, and submitted again.',
  id: { description: 'The id of the job: opaque, unique, and never used again.', resolve: (job) => job.id },
  loadOne: (id, context) => context.jobs.get(identify(context), id),
  fields: (t) => ({
    name: t.string({
      nullable: true,
      description: 'The name given at submission; not necessarily unique.',
      resolve: ({ spec }) => spec.name,
    }),
    command: t.string({
      nullable: true,
      description:
        'The command line; null when the job was submitted with `argv`, and when it is not UTF-8: then `commandBytes` has it.',
      resolve: (job, _args, context, { rootValue }) =>
        readLine(job, true, context, rootValue, (line) => line),
    }),
    commandBytes: t.field({
      type: 'Base64',
      nullable: true,
      description: 'The command line, if it is not UTF-8; otherwise null.',
      resolve: (job, _args, context, { rootValue }) => readLine(job, false, context, rootValue, bytesOfText),
    }),
    argv: t.stringList({
      nullable: true,
      description:
        'The argument vector; null when the job was submitted with `command`, and when an argument is not UTF-8: then `argvBytes` has them.',
      resolve: (job, _args, context, { rootValue }) =>
        readArgv(job, true, context, rootValue, (argument) => argument),
    }),
    argvBytes: t.field({
      type: ['Base64'],
      nullable: true,
      description: 'The argument vector, if an argument is not UTF-8; otherwise null.',
      resolve: (job, _args, context, { rootValue }) => readArgv(job, false, context, rootValue, bytesOfText),
    }),
    image: t.string({
      description: 'The name of the image that the root file system is made from.',
      resolve: ({ spec }) => spec.image,
    }),
    imageDigest: t.string({
      nullable: true,
      description:
        'Identifies the content of the image: the value of `Image.digest` when the job was submitted. Null for jobs of earlier versions.',
      resolve: ({ spec }) => spec.imageDigest,
    }),
    env: t.field({
      type: [EnvVarType],
      description: 'The environment variables given at submission, without those that Cloister adds.',
      resolve: (job, _args, context, { rootValue }) => {
        const { env } = job.spec;
        if (isApart(env)) return readEnv(job, env, context, rootValue).then((all) => [...all]);
        for (const { name, value } of env) context.budget.text(rootValue, name + value);
        return env.length < MANY_VARIABLES ? [...env] : context.budget.ownTurn().then(() => [...env]);
      },
    }),
    workdir: t.string({
      nullable: true,
      description: 'The working directory given at submission; null for "/".',
      resolve: ({ spec }) => spec.workdir,
    }),
    user: t.string({
      nullable: true,
      description: 'The user given at submission; null for root of the cell.',
      resolve: ({ spec }) => spec.user,
    }),
    hostname: t.string({
      nullable: true,
      description: 'The host name given at submission; null for the id of the job.',
      resolve: ({ spec }) => spec.hostname,
    }),
    capabilities: t.field({
      type: CapabilityProfile,
      description: 'The Linux capabilities of the command.',
      resolve: ({ spec }) => spec.capabilities,
    }),
    stdin: t.string({
      nullable: true,
      description:
        'The text given for standard input; null for /dev/null, and when it is not UTF-8: then `stdinBytes` has it.',
      resolve: async (job, _args, context, { rootValue }) => {
        const content = await readStdin(job, context, rootValue, isUtf8);
        return content?.toString() ?? null;
      },
    }),
    stdinBytes: t.field({
      type: 'Base64',
      nullable: true,
      description: 'What was given for standard input, if it is not UTF-8; otherwise null.',
      resolve: (job, _args, context, { rootValue }) =>
        readStdin(job, context, rootValue, (content) => !isUtf8(content)),
    }),
    inputFiles: t.field({
      type: [JobInputFile],
      description: 'The files that the job was given: what `files` was at submission.',
      resolve: (job) => job.spec.files.map((file) => ({ ...file, job })),
    }),
    keepRoot: t.boolean({
      description:
        'Whether what the job changes of its root is kept after its end, for `files` and `saveImage`.',
      resolve: ({ spec }) => spec.keepRoot,
    }),
    openStdin: t.boolean({
      description: 'Whether `writeStdin` can write to the standard input of the job while it runs.',
      resolve: ({ spec }) => spec.openStdin,
    }),
    terminal: t.field({
      type: TerminalSizeType,
      nullable: true,
      description: 'The size that the terminal of the job was submitted with; null when it has no terminal.',
      resolve: ({ spec }) => spec.terminal,
    }),
    network: t.field({
      type: NetworkMode,
      description: 'Which network the job can reach.',
      resolve: ({ spec }) => spec.network,
    }),
    stopSignal: t.string({
      description: 'The signal that `stopJob` begins with.',
      resolve: ({ spec }) => spec.stopSignal,
    }),
    stopScope: t.field({
      type: StopScope,
      description: 'The processes that `stopJob` sends the signal to.',
      resolve: ({ spec }) => spec.stopScope,
    }),
    retries: t.field({
      type: RetriesType,
      nullable: true,
      description:
        'The automatic retries given at submission; null for none. `attempt` says which attempt this is.',
      resolve: ({ spec }) => spec.retries,
    }),
    status: t.field({
      type: JobStatus,
      description: 'The state of the job.',
      resolve: ({ state }) => state.status,
    }),
    exitCode: t.int({
      nullable: true,
      description:
        'The exit code of the command, from 0 to 255; null when a signal ended it, and when it never ran.',
      resolve: ({ state }) =>
        'termination' in state && state.termination?.kind === 'exited' ? state.termination.code : null,
    }),
    signal: t.string({
      nullable: true,
      description:
        'The signal that ended the command, such as "SIGKILL"; null when it exited, and when it never ran.',
      resolve: ({ state }) =>
        'termination' in state && state.termination?.kind === 'signaled' ? state.termination.signal : null,
    }),
    limitExceeded: t.field({
      type: LimitKind,
      nullable: true,
      description: 'The limit that ended the job; null unless the status is LIMIT_EXCEEDED.',
      resolve: ({ state }) => ('limit' in state ? state.limit : null),
    }),
    error: t.string({
      nullable: true,
      description:
        'A sentence for people: why the job is FAILED, LOST or LIMIT_EXCEEDED, and for one that is STOPPED why the server had to kill it together with its supervisor; null otherwise.',
      resolve: ({ state }) => ('error' in state ? state.error : null),
    }),
    limitsHit: t.field({
      type: [LimitHitType],
      description:
        'The limits that the job reached; the one that ended it comes first. Empty until the job has ended.',
      resolve: ({ state }) => ('hits' in state ? [...state.hits] : []),
    }),
    output: t.field({
      type: OutputType,
      nullable: true,
      description: 'How many bytes the command wrote; null until the job has ended, and when it never ran.',
      resolve: ({ state }) => ('output' in state ? state.output : null),
    }),
    owner: t.exposeString('owner', { description: 'The subject that submitted the job.' }),
    labels: t.field({
      type: [LabelType],
      description: 'The labels given at submission.',
      resolve: ({ spec }) => [...spec.labels],
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the job was submitted.' }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the command was executed; null when it was not.',
      resolve: ({ state }) => ('startedAt' in state ? state.startedAt : null),
    }),
    pausedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the job was paused; null when it is not paused.',
      resolve: ({ state }) => ('pausedAt' in state ? state.pausedAt : null),
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the job reached its final state; null until then.',
      resolve: ({ state }) => ('finishedAt' in state ? state.finishedAt : null),
    }),
    limits: t.field({
      type: LimitsType,
      description: 'The limits in effect, defaults included.',
      resolve: ({ spec }) => spec.limits,
    }),
    isolation: t.field({
      type: IsolationType,
      nullable: true,
      description:
        'The confinement of the command, read from the kernel after the command was executed and not derived from what was requested. Null before that, and when it could not be recorded: the job was killed in its first moment, or the disk was full.',
      resolve: (job, _args, context) => context.jobs.isolation(identify(context), job),
    }),
    usage: t.field({
      type: UsageType,
      nullable: true,
      description:
        'Resource usage: live while the job runs, final afterwards. Null before it starts, and on a host that cannot count it.',
      resolve: (job, _args, context) => context.jobs.usage(identify(context), job),
    }),
    pinned: t.exposeBoolean('pinned', {
      description: 'Whether the job is protected from retention and from `deleteJob`.',
    }),
    priority: t.int({
      description: 'From -100 to 100; of the queued jobs the highest starts first.',
      resolve: ({ spec }) => spec.priority,
    }),
    startAfter: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'The time before which the job does not start: given at submission, or set by the backoff of a retry.',
      resolve: ({ spec }) => spec.startAfter,
    }),
    queue: t.field({
      type: QueuePlaceType,
      nullable: true,
      description: 'The place of the job in the queue; null when it is not queued.',
      resolve: (job, _args, context) => context.jobs.queuePlace(identify(context), job) ?? null,
    }),
    lineCount: t.int({
      nullable: true,
      description:
        'How many lines the output has so far; a last line without newline counts. Null when the log is lost. Larger numbers are given as 2147483647.',
      args: {
        stream: t.arg({
          type: LogStream,
          description:
            'Only the lines of this stream, counted in it alone. Default: all, in the order of the log.',
        }),
      },
      resolve: async (job, { stream }, context) => {
        const count = await context.jobs.lineCount(identify(context), job, stream ?? undefined);
        return count === null ? null : Math.min(count, LARGEST_INT);
      },
    }),
    logs: t.field({
      type: LogBatch,
      nullable: true,
      description:
        'One page of the output, from the beginning or from where `after`, `line`, `tail`, `since` or `offset` says (at most one of them). Continue with `after: cursor` until `endOfLog`. A bad argument is an error of this field, which is then null; the rest of the job is returned.',
      args: logPageArgs,
      resolve: (job, args, context, { rootValue }) => readLogPage(job, args, context, rootValue),
    }),
  }),
});

/** The most that an `Int` of GraphQL holds. */
const LARGEST_INT = 2 ** 31 - 1;

/** The standard input of a job, if it is of that kind; it counts against the answer only then. */
const readStdin = async (
  job: Job,
  context: Context,
  answer: unknown,
  isWanted: (content: Buffer) => boolean,
): Promise<Buffer | null> => {
  const most = job.spec.stdinBytes;
  if (most === null) return null;
  const read = async (): Promise<Buffer | null> => {
    const content = await context.jobs.stdin(identify(context), job);
    return content !== null && isWanted(content) ? content : null;
  };
  return context.budget.read(answer, most, read, (content) => content?.length ?? 0);
};

/** The command of a job, if it has this form and is or is not UTF-8, within the budget of the answer. */
const readCommand = (
  job: Job,
  wanted: { readonly form: Command['kind']; readonly isText: boolean },
  context: Context,
  answer: unknown,
): Command | null | Promise<Command> => {
  const { command } = job.spec;
  if (command.kind !== 'apart') {
    if (command.kind !== wanted.form || isTextCommand(command) !== wanted.isText) return null;
    for (const text of textsOf(command)) context.budget.text(answer, text);
    return command;
  }
  if (command.form !== wanted.form || command.isText !== wanted.isText) return null;
  return context.budget.read(
    answer,
    command.bytes,
    () => context.jobs.command(identify(context), job),
    (whole) => commandBytes(whole) + OVERHEAD * textsOf(whole).length,
  );
};

const readLine = <T>(
  job: Job,
  isText: boolean,
  context: Context,
  answer: unknown,
  give: (line: string) => T,
): T | null | Promise<T | null> =>
  chain(readCommand(job, { form: 'shell', isText }, context, answer), (command) =>
    command?.kind === 'shell' ? give(command.line) : null,
  );

const readArgv = <T>(
  job: Job,
  isText: boolean,
  context: Context,
  answer: unknown,
  give: (argument: string) => T,
): T[] | null | Promise<T[] | null> =>
  chain(readCommand(job, { form: 'argv', isText }, context, answer), (command) =>
    command?.kind === 'argv' ? command.argv.map(give) : null,
  );

/** An environment that is kept apart, within the budget of the answer. */
const readEnv = (job: Job, { bytes }: Apart, context: Context, answer: unknown): Promise<readonly EnvVar[]> =>
  context.budget.read(
    answer,
    bytes,
    () => context.jobs.env(identify(context), job),
    (env) => envBytes(env) + OVERHEAD * env.length,
  );

builder.queryField('job', (t) =>
  t.field({
    type: JobNode,
    nullable: true,
    description:
      'The job with this id. An unknown id is an error with code NOT_FOUND, and the field is null, as in `node`.',
    args: { id: t.arg.id({ required: true, description: 'The id of the job.' }) },
    resolve: (_root, { id }, context) =>
      chain(context.jobs.get(identify(context), id), (job) => {
        if (job === undefined) throw notFound('id', 'job', id);
        return job;
      }),
  }),
);
