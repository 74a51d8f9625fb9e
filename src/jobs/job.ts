/**
 * The job as it is stored: what was asked for, and the one state it is in.
 */

import { isFinalStatus, JOB_STATUSES, type JobStatus } from '../job-status.ts';
import type { TerminalSize } from '../runtime/log/page.ts';
import type { WithoutUnit } from '../units.ts';
import type { ArtifactResult, ArtifactSpec } from './artifact.ts';

export { JOB_STATUSES, type JobStatus };

export const LIMIT_KINDS = ['TIME', 'CPU_TIME', 'MEMORY', 'OUTPUT'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/**
 * What runs. Arguments, variables and lines are texts of `byte-text.ts`: bytes that are not UTF-8 are lone surrogates.
 * A line for the cell's `/bin/sh -c`, or a vector executed as it is.
 */
export type Command =
  | { readonly kind: 'shell'; readonly line: string }
  | { readonly kind: 'argv'; readonly argv: readonly [string, ...string[]] };

/**
 * A command or an environment that is large: the store keeps it apart from the job, once for all attempts, so that it is
 * not read with every list of jobs. `JobStore.command` and `JobStore.env` read it.
 */
export interface Apart {
  readonly kind: 'apart';
  /** Of what the store keeps. */
  readonly id: string;
  /** Of the texts. */
  readonly bytes: number;
}

/** A command that is kept apart. */
export interface ApartCommand extends Apart {
  /** Of which kind it is. */
  readonly form: Command['kind'];
  /** Whether all of it is UTF-8. */
  readonly isText: boolean;
}

/** Whether an environment is kept apart. */
export const isApart = (env: readonly EnvVar[] | Apart): env is Apart => 'kind' in env;

/**
 * The longest argument of a program, in bytes: MAX_ARG_STRLEN of the kernel is 32 pages with the closing NUL
 * (execve(2)). A longer command line is run from a file.
 */
export const LONGEST_ARGUMENT_BYTES = 32 * 4096 - 1;

/** What happens to output beyond its limit: it ends the job, or only its beginning and its end are kept. */
export const OUTPUT_POLICIES = ['KILL', 'TRUNCATE'] as const;
export type OutputPolicy = (typeof OUTPUT_POLICIES)[number];

/** The most that a job may read from and write to one disk in a second; `null`: unlimited. */
export interface IoLimit {
  /** `major:minor` of a whole disk. */
  readonly device: string;
  /** Bytes. */
  readonly readBps: number | null;
  readonly writeBps: number | null;
  /** Operations. */
  readonly readIops: number | null;
  readonly writeIops: number | null;
}

/**
 * The limits of a job. `null`: there is none, because nobody asked for one or this host cannot enforce it (its cgroup
 * controller is missing).
 */
export interface Limits {
  /** CPUs' worth of time in each period: 0.5 is half a core. */
  readonly cpus: number | null;
  /** Its share where jobs want more CPU time than there is, from 1 to 10000; the others have 100. */
  readonly cpuWeight: number | null;
  /** The CPUs it may run on, as cpuset(7) lists them: `0-2,7`. */
  readonly cpuset: string | null;
  /** Milliseconds of CPU time of all its processes together. */
  readonly cpuTimeMs: number | null;
  /** Bytes of memory of the whole cell, its writable layer included. */
  readonly memoryBytes: number | null;
  /** Bytes of memory above which the kernel throttles it and reclaims memory, without killing it (`memory.high`). */
  readonly memoryHighBytes: number | null;
  /** Bytes of swap. */
  readonly swapBytes: number | null;
  /** Processes and threads that exist at once, the cell's own init not counted. */
  readonly pids: number | null;
  /** Bytes of the writable layer. */
  readonly diskBytes: number;
  /** Files and folders in the writable layer; `null`: one for each 4 KiB of it. */
  readonly inodes: number | null;
  readonly io: readonly IoLimit[];
  /** Milliseconds of wall time, pauses not counted. */
  readonly timeoutMs: number;
  /** Bytes of output that are kept, both streams together. */
  readonly outputBytes: number;
  readonly outputPolicy: OutputPolicy;
}

/** The capabilities of a command that runs as root of its cell. */
export const CAPABILITY_PROFILES = ['NONE', 'ROOT_IN_CELL'] as const;
export type CapabilityProfile = (typeof CAPABILITY_PROFILES)[number];

/** Which processes get the signal of a stop, and have ended before the cell does. */
export const STOP_SCOPES = ['COMMAND', 'GROUP', 'CELL'] as const;
export type StopScope = (typeof STOP_SCOPES)[number];

/** Which network a job can reach. */
export const NETWORK_MODES = ['NONE'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

/** An environment variable of a command. */
export interface EnvVar {
  readonly name: string;
  /** Empty for a secret, wherever a job is kept or shown. */
  readonly value: string;
  /** Its value is in a file of its own until the job has ended, and is given back to nobody. */
  readonly secret?: true;
}

/** A key and a value by which jobs are found; a job has each key once. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** A file that a job finds at a path of its cell. */
export interface InputFile {
  /** Absolute, without `.`, `..` and empty names. */
  readonly path: string;
  /** Of its content, as 64 hexadecimal digits. The store of files has it, under the owner of the job. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Its permissions, such as 0o644. */
  readonly mode: number;
  /** The content came with the job, and is kept as long as the job; otherwise it had been uploaded. */
  readonly inline: boolean;
}

/** What happens when a command fails. */
export interface Retries {
  /** Further attempts at most. */
  readonly limit: number;
  /** Milliseconds before the second attempt; doubled before each further one. */
  readonly backoffMs: number;
}

/** What a client asked for, checked and with every default filled in. */
export interface JobSpec {
  readonly name: string | null;
  readonly command: Command | ApartCommand;
  readonly image: string;
  /** Of the content that the image had when the job was submitted; `null`: it was not recorded, by an earlier version. */
  readonly imageDigest: string | null;
  readonly env: readonly EnvVar[] | Apart;
  readonly workdir: string | null;
  readonly user: string | null;
  readonly hostname: string | null;
  readonly capabilities: CapabilityProfile;
  readonly network: NetworkMode;
  /** The name of the signal that a stop begins with. */
  readonly stopSignal: string;
  readonly stopScope: StopScope;
  /** Bytes of its standard input, which `Cells` keep; `null`: it reads /dev/null. */
  readonly stdinBytes: number | null;
  readonly files: readonly InputFile[];
  /** Clients may write to its standard input while it runs, after that text. */
  readonly openStdin: boolean;
  /** Changes to its root are kept, for `saveImage`. */
  readonly keepRoot: boolean;
  /** The artifacts to keep of its cell when it has ended. */
  readonly artifacts: readonly ArtifactSpec[];
  /** Its standard streams are a terminal of this size, in the beginning; `null`: they are pipes. */
  readonly terminal: TerminalSize | null;
  readonly limits: Limits;
  readonly labels: readonly Label[];
  /** Of jobs that wait, the one with the highest starts first. */
  readonly priority: number;
  /** It does not start before this time. */
  readonly startAfter: Date | null;
  /** `null`: there is only one attempt. */
  readonly retries: Retries | null;
  /** 1 for what a client submitted; each further attempt is a job of its own. */
  readonly attempt: number;
  /** The job of the first attempt, for further ones. */
  readonly retryOf: string | null;
  /** The job in whose cell it runs; `null`: it has its own. */
  readonly execOf: string | null;
}

/** A specification of which nothing is kept apart. */
export type WholeSpec = JobSpec & { readonly command: Command; readonly env: readonly EnvVar[] };

/** A job with all that is needed to start it. */
export type WholeJob = Job & { readonly spec: WholeSpec };

/** How the command itself ended. */
export type Termination =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: string };

/** The resource usage of a job. Times in microseconds, sizes in bytes; `null` where this host does not count it. */
export interface Usage {
  readonly cpuTimeUs: number;
  readonly userTimeUs: number | null;
  readonly systemTimeUs: number | null;
  /** Only while the job runs. */
  readonly memoryCurrentBytes: number | null;
  readonly memoryPeakBytes: number | null;
  readonly pidsPeak: number | null;
  readonly ioReadBytes: number | null;
  readonly ioWrittenBytes: number | null;
  readonly ioReadOperations: number | null;
  readonly ioWriteOperations: number | null;
  readonly oomKills: number | null;
  /** Processes and threads that could not be started because of a limit. */
  readonly forksRefused: number | null;
  readonly throttledTimeUs: number | null;
  readonly pressure: Pressures | null;
}

/** How long some process, and all of them at once, waited for a resource (accounting/psi.rst), in microseconds. */
export interface Pressure {
  readonly someUs: number;
  readonly fullUs: number;
}

/** How long processes of a job waited for each resource. */
export interface Pressures {
  readonly cpu: Pressure;
  readonly memory: Pressure;
  readonly io: Pressure;
}

/** A number that the kernel keeps in a file of the job's cgroup. */
export interface Evidence {
  readonly file: string;
  /** `null` where the file holds only the number. */
  readonly key: string | null;
  readonly value: number;
}

/** A limit that a job ran into. */
export interface LimitHit {
  /** Its name in `Limits`; `ceiling`: that of all jobs together, or the machine ran out of memory. */
  readonly limit: WithoutUnit<keyof Limits> | 'ceiling';
  /** `null` where the limit is not the job's own. */
  readonly value: number | null;
  /** The highest value that was measured; `null` where nothing measures it. */
  readonly peak: number | null;
  readonly unit: 'bytes' | 'milliseconds' | 'processes' | 'CPUs';
  /** It ended the job; otherwise it only slowed the job down or refused it something. */
  readonly ended: boolean;
  readonly evidence: readonly Evidence[];
  /** A sentence for people: which limit, its value, what was seen. */
  readonly message: string;
}

/** Bytes of output. */
export interface OutputCount {
  readonly keptBytes: number;
  readonly droppedBytes: number;
}

/** What clients have written to the standard input of a job while it ran. */
export interface WrittenInput {
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What is known of a job that has run to its end. */
export interface Account {
  readonly usage: Usage | null;
  readonly hits: readonly LimitHit[];
  /** `null`: it was not counted, by an earlier version. */
  readonly output: OutputCount | null;
  /** `null`: it had no open standard input, one of a terminal, or it was not recorded. */
  readonly input: WrittenInput | null;
  /** One for each in the specification, in the same order; empty when they could not be collected. */
  readonly artifacts: readonly ArtifactResult[];
}

/** The state of a job: exactly one of these. */
export type JobState =
  | { readonly status: 'QUEUED' }
  | {
      readonly status: 'RUNNING';
      readonly startedAt: Date;
      /** `null`: it is not paused. */
      readonly pausedAt: Date | null;
    }
  | ({
      readonly status: 'COMPLETED';
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly termination: Termination;
    } & Account)
  | ({
      readonly status: 'STOPPED';
      /** `null`: stopped before it ran. */
      readonly startedAt: Date | null;
      readonly finishedAt: Date;
      readonly termination: Termination | null;
      /** Why the server itself had to end it, in a sentence for people; `null`: its supervisor did. */
      readonly error: string | null;
    } & Account)
  | ({
      readonly status: 'LIMIT_EXCEEDED';
      readonly limit: LimitKind;
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly termination: Termination;
      /** A sentence for people: which limit, its value, what was seen. */
      readonly error: string;
    } & Account)
  | {
      readonly status: 'LOST';
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly error: string;
    }
  | { readonly status: 'FAILED'; readonly finishedAt: Date; readonly error: string };

/** A state that a job never leaves. */
export type FinalState = Exclude<JobState, { readonly status: 'QUEUED' | 'RUNNING' }>;

/** Whether a job has ended: its state will not change any more. */
export const isFinal = (state: JobState): state is FinalState => isFinalStatus(state.status);

/** A job, as the store has it. */
export interface Job {
  /** UUIDv7. */
  readonly id: string;
  readonly owner: string;
  readonly createdAt: Date;
  readonly spec: JobSpec;
  /** The job of the next attempt, when this one failed and there is another. */
  readonly retriedBy: string | null;
  /** Retention does not remove it. */
  readonly pinned: boolean;
  readonly state: JobState;
}
