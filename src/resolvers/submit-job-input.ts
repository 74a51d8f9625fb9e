/** The input of the mutations that submit a job. */
import { badInput } from '../jobs/errors.ts';
import type { Faults } from '../jobs/faults.ts';
import type { LimitsRequest, SubmitRequest } from '../jobs/service.ts';
import { ArtifactInput } from './artifact-input.ts';
import { builder } from './builder.ts';
import { CapabilityProfile } from './capability-profile.ts';
import { EnvVarInput, envRequest } from './env-var.ts';
import { FileInput, filesRequest } from './input-file.ts';
import { LabelInput } from './label.ts';
import { LimitsInput } from './limits.ts';
import { NetworkMode } from './network-mode.ts';
import { RetriesInput } from './retries.ts';
import { type Malformed, wellFormed } from './scalars.ts';
import { StopScope } from './stop-scope.ts';
import { TerminalSizeInput } from './terminal.ts';

export const SubmitJobInput = builder.inputType('SubmitJobInput', {
  description:
    'The command to run and its settings. Exactly one of `command`, `commandBytes`, `argv` and `argvBytes` is required. Command and `env` together may have at most 1 MiB; a `command` that is run from a file does not count. Text with unpaired surrogates, which has no UTF-8, is refused; fields whose names end in `Bytes` take any bytes.',
  fields: (t) => ({
    command: t.string({
      description:
        'A command line for `/bin/sh -c` in the cell, at most 1 MiB. One of more than 131071 bytes, the most that the kernel takes as an argument, is run from a read-only file, whose path is then `$0`.',
    }),
    commandBytes: t.field({
      type: 'Base64',
      description: 'The same as bytes, for a command line that is not UTF-8.',
    }),
    argv: t.stringList({
      description:
        'A program and its arguments, executed without a shell, each at most 131071 bytes. A program without "/" is looked up in PATH.',
    }),
    argvBytes: t.field({
      type: ['Base64'],
      description: 'The same as bytes, for arguments that are not UTF-8.',
    }),
    image: t.string({
      description: 'The name of the image to make the root file system from. Default "alpine".',
    }),
    env: t.field({
      type: [EnvVarInput],
      description:
        'At most 10000 environment variables, in addition to PATH, HOME, TERM and USER, which they may override. The environment of the server is not passed on.',
    }),
    workdir: t.string({
      description: 'The working directory: an absolute path that exists in the image. Default "/".',
    }),
    user: t.string({
      description:
        'The user to run as: "user" or "user:group", each a name of the image or a number, such as "nobody:nogroup" or "1000:1000". Default: root of the cell, an unprivileged user on the host.',
    }),
    hostname: t.string({
      description: 'The host name in the cell, at most 64 characters (RFC 1123). Default: the id of the job.',
    }),
    stdin: t.string({
      description:
        'Text for standard input, followed by end of file, of at most 8 MiB (`cloister serve --max-stdin`). Default: standard input is /dev/null.',
    }),
    stdinBytes: t.field({
      type: 'Base64',
      description: 'The same as bytes, for standard input that is not UTF-8. At most one of the two.',
    }),
    artifacts: t.field({
      type: [ArtifactInput],
      description:
        'Files and folders of the cell to keep when the job has ended, at most 32. They are removed with the job.',
    }),
    files: t.field({
      type: [FileInput],
      description:
        'At most 100 files for the cell, each at a path of its own. They belong to the user of the job, are read-only, and do not count towards its disk or memory.',
    }),
    keepRoot: t.boolean({
      description:
        'Keep what the job changes of its root on the disk after its end, so that `Job.files` can read it and `saveImage` make an image of it. It is removed with the job. Default false: only a paused job can be saved.',
    }),
    openStdin: t.boolean({
      description:
        'Whether standard input stays open, so that `writeStdin` can write to it while the job runs, after the text of `stdin` if there is one. Not together with `retries`. Default false.',
    }),
    terminal: t.field({
      type: TerminalSizeInput,
      description:
        'Standard input, output and error are a terminal of this size, the controlling one of the command, whose output is the stream TERMINAL. Includes `openStdin`, and TERM is xterm-256color unless `env` says otherwise. Not together with `stdin` or `retries`. Default: they are pipes.',
    }),
    network: t.field({
      type: NetworkMode,
      description: 'Which network the job can reach. Default NONE.',
    }),
    capabilities: t.field({
      type: CapabilityProfile,
      description: 'The Linux capabilities of the command in the cell. Default NONE.',
    }),
    stopSignal: t.string({
      description:
        'The signal that `stopJob` begins with: a name with or without "SIG", or a number from 1 to 64. Default "SIGTERM".',
    }),
    stopScope: t.field({
      type: StopScope,
      description: 'The processes that `stopJob` sends the signal to. Default GROUP.',
    }),
    limits: t.field({
      type: LimitsInput,
      description: "Resource limits. What is left out takes the server's default.",
    }),
    labels: t.field({
      type: [LabelInput],
      description: 'Labels to find the job by, at most 64, each key once.',
    }),
    name: t.string({
      description: 'A name to find the job by, from 1 to 256 bytes. Need not be unique.',
    }),
    priority: t.int({
      description: 'From -100 to 100: of the queued jobs the highest starts first. Default 0.',
    }),
    startAfter: t.field({
      type: 'DateTime',
      description: 'The job stays QUEUED at least until this time. Default: it starts as soon as possible.',
    }),
    retries: t.field({ type: RetriesInput, description: 'Automatic retries. Default: none.' }),
    idempotencyKey: t.string({
      description:
        'Makes a submission safe to repeat: the same key and input return the original job; other input fails with IDEMPOTENCY_CONFLICT. From 1 to 256 bytes; remembered for as long as the job is kept.',
    }),
  }),
});

/**
 * The request that an input stands for.
 *
 * @param faults collects the fields whose scalars are malformed; they are left out of the request
 */
export const submitRequest = (input: typeof SubmitJobInput.$inferInput, faults: Faults): SubmitRequest => {
  const { command, commandBytes, argv, argvBytes, env, stdin, stdinBytes, ...more } = input;
  const { limits, startAfter, retries, artifacts, files, ...rest } = more;
  const read = reader(faults);
  return given({
    ...rest,
    command: oneOf('command', command, read('input.commandBytes', commandBytes), faults),
    argv: oneOf('argv', argv, argvBytes ? readEach('input.argvBytes', argvBytes, read) : undefined, faults),
    env: env ? envRequest(env, faults) : undefined,
    files: files ? filesRequest(files, faults) : undefined,
    stdin: oneOf('stdin', stdin, read('input.stdinBytes', stdinBytes), faults),
    artifacts: artifacts?.map((artifact) => given(artifact)),
    retries: retries
      ? given({ limit: retries.limit, backoffMs: read('input.retries.backoff', retries.backoff) })
      : undefined,
    limits: limits ? toLimits(limits, read) : undefined,
    startAfter: read('input.startAfter', startAfter),
  });
};

/** A value that can be given as text or as bytes. */
const oneOf = <Text, Bytes>(
  name: string,
  text: Text | null | undefined,
  bytes: Bytes | undefined,
  faults: Faults,
): Text | Bytes | undefined =>
  faults.collect(() => {
    if (text != null && bytes !== undefined)
      throw badInput(`input.${name}Bytes`, `no ${name} as well`, 'both');
    return text ?? bytes;
  });

type Read = <T>(field: string, value: T | Malformed | null | undefined) => T | undefined;

const reader =
  (faults: Faults): Read =>
  (field, value) =>
    faults.collect(() => wellFormed(field, value));

/** `undefined` when one of them is malformed. */
const readEach = <T>(
  field: string,
  values: readonly (T | Malformed)[],
  read: Read,
): readonly T[] | undefined => {
  const each = values.map((value, index) => read(`${field}[${index}]`, value));
  return each.every((value) => value !== undefined) ? each : undefined;
};

const toLimits = (limits: typeof LimitsInput.$inferInput, read: Read): LimitsRequest =>
  given({
    cpus: limits.cpus,
    cpuWeight: limits.cpuWeight,
    cpuset: limits.cpuset,
    cpuTimeMs: read('input.limits.cpuTime', limits.cpuTime),
    memoryBytes: read('input.limits.memory', limits.memory),
    memoryHighBytes: read('input.limits.memoryHigh', limits.memoryHigh),
    swapBytes: read('input.limits.swap', limits.swap),
    pids: limits.pids,
    diskBytes: read('input.limits.disk', limits.disk),
    inodes: limits.inodes,
    io: limits.io?.map((io, index) =>
      given({
        device: io.device,
        readBps: read(`input.limits.io[${index}].readBps`, io.readBps),
        writeBps: read(`input.limits.io[${index}].writeBps`, io.writeBps),
        readIops: io.readIops,
        writeIops: io.writeIops,
      }),
    ),
    timeoutMs: read('input.limits.timeout', limits.timeout),
    outputBytes: read('input.limits.output', limits.output),
    outputPolicy: limits.outputPolicy,
  });

type Given<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: NonNullable<T[K]> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: NonNullable<T[K]>;
};

/** Drops the fields that are null or missing: in an input both mean that the field was left out. */
const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as Given<T>;
