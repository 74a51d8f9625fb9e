/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** What a command that is root of its cell may do as such, in the cell. Outside of it: nothing. */
export type CapabilityProfile =
  /** Nothing: root of the cell is a user as any other there. */
  | 'NONE'
  /** What package managers, su and chown need: change owners and modes, become other users, signal them, bind low ports. For the cell's root only. */
  | 'ROOT_IN_CELL';

export type DeleteJobInput = {
  readonly jobId: string;
};

export type EnvVarInput = {
  readonly name: string;
  readonly value: string;
};

/** What a job may move between memory and one disk in a second: at least one of the four. */
export type IoLimitInput = {
  /** A disk by its path, such as "/dev/sda", or by its number, such as "8:0"; a partition stands for its disk. Default: the disk of the state folder. */
  readonly device?: string | null | undefined;
  /** Bytes. */
  readonly readBps?: number | string | null | undefined;
  /** Operations. */
  readonly readIops?: number | null | undefined;
  /** Bytes. */
  readonly writeBps?: number | string | null | undefined;
  /** Operations. */
  readonly writeIops?: number | null | undefined;
};

/** Which jobs: every field that is given must match. */
export type JobFilter = {
  readonly createdAfter?: string | null | undefined;
  readonly createdBefore?: string | null | undefined;
  readonly image?: string | null | undefined;
  readonly label?: LabelInput | null | undefined;
  readonly name?: string | null | undefined;
  readonly owner?: string | null | undefined;
  readonly status?: ReadonlyArray<JobStatus> | null | undefined;
};

/** Where a job is on its way: QUEUED, then RUNNING, then one of the others, for good. */
export type JobStatus =
  | 'COMPLETED'
  | 'FAILED'
  | 'LIMIT_EXCEEDED'
  | 'LOST'
  | 'QUEUED'
  | 'RUNNING'
  | 'STOPPED';

export type LabelInput = {
  readonly key: string;
  readonly value: string;
};

/** A limit whose excess ends a job. */
export type LimitKind =
  | 'CPU_TIME'
  | 'MEMORY'
  | 'OUTPUT'
  | 'TIME';

/** What bounds a job; what is left out takes the server's default. */
export type LimitsInput = {
  /** CPU time of all processes together. */
  readonly cpuTime?: number | string | null | undefined;
  /** The share where jobs want more CPU time than there is, from 1 to 10000; others have 100. */
  readonly cpuWeight?: number | null | undefined;
  /** CPUs' worth of time: 0.5 is half a core. */
  readonly cpus?: number | null | undefined;
  /** The CPUs it may run on, such as "0-2,7". */
  readonly cpuset?: string | null | undefined;
  /** The writable layer of the root. */
  readonly disk?: number | string | null | undefined;
  /** Files and folders of the writable layer. Default: one for each 4 KiB of it. */
  readonly inodes?: number | null | undefined;
  /** Traffic with disks, each second. */
  readonly io?: ReadonlyArray<IoLimitInput> | null | undefined;
  /** Memory of all processes and of the files that were written. */
  readonly memory?: number | string | null | undefined;
  /** Memory from which on the job is slowed down and its memory taken back, without an end of it. */
  readonly memoryHigh?: number | string | null | undefined;
  /** Output that is kept, both streams together. */
  readonly output?: number | string | null | undefined;
  /** Default KILL. */
  readonly outputPolicy?: OutputPolicy | null | undefined;
  /** Processes and threads at a time. */
  readonly pids?: number | null | undefined;
  readonly swap?: number | string | null | undefined;
  /** Wall time, pauses not counted. */
  readonly timeout?: number | string | null | undefined;
};

export type LogStream =
  | 'STDERR'
  | 'STDOUT';

/** What of the network a job sees. */
export type NetworkMode =
  /** Its own loopback and nothing else. */
  | 'NONE';

/** What becomes of output beyond its limit. */
export type OutputPolicy =
  /** It ends the job. */
  | 'KILL'
  /** The first half of the limit is kept, and of the rest the end, from a quarter to half of the limit: what lies between is dropped and counted. The end is in the log when the job has ended. */
  | 'TRUNCATE';

export type PauseJobInput = {
  readonly jobId: string;
};

export type PinJobInput = {
  readonly jobId: string;
  /** False takes the pin away. */
  readonly pinned?: boolean | null | undefined;
};

export type ResumeJobInput = {
  readonly jobId: string;
};

/** Further attempts when the command fails: it ends with another code than 0 or by a signal, exceeds a limit, or is lost. A job that was stopped is not tried again. */
export type RetriesInput = {
  /** Before the second attempt; twice as long before each further one. Default 1s. */
  readonly backoff?: number | string | null | undefined;
  /** From 1 to 100 further attempts. */
  readonly limit: number;
};

export type SignalJobInput = {
  readonly jobId: string;
  /** By name or number: "SIGHUP", "HUP", "1"; real-time signals are "SIGRTMIN+1" and so on. */
  readonly signal: string;
};

export type StopJobInput = {
  /** Between SIGTERM to the command and the end of the whole cell. Default 10s. */
  readonly gracePeriod?: number | string | null | undefined;
  readonly jobId: string;
};

/** A job to run: exactly one of command and argv, the rest as you like. */
export type SubmitJobInput = {
  /** An argument vector, executed as it is. */
  readonly argv?: ReadonlyArray<string> | null | undefined;
  readonly capabilities?: CapabilityProfile | null | undefined;
  /** A command line, run by /bin/sh -c. */
  readonly command?: string | null | undefined;
  readonly env?: ReadonlyArray<EnvVarInput> | null | undefined;
  /** Default: the job's id. */
  readonly hostname?: string | null | undefined;
  /** For sending a request again whose answer was lost: with the same key it answers with the same job; another request with that key is refused with IDEMPOTENCY_CONFLICT. Kept as long as the job. */
  readonly idempotencyKey?: string | null | undefined;
  /** Default "alpine". */
  readonly image?: string | null | undefined;
  readonly labels?: ReadonlyArray<LabelInput> | null | undefined;
  readonly limits?: LimitsInput | null | undefined;
  readonly name?: string | null | undefined;
  readonly network?: NetworkMode | null | undefined;
  /** From -100 to 100: of jobs that wait, the highest starts first. Default 0. */
  readonly priority?: number | null | undefined;
  readonly retries?: RetriesInput | null | undefined;
  /** It does not start before this time. */
  readonly startAfter?: string | null | undefined;
  /** Text fed to the command, then end of file. Default: /dev/null. */
  readonly stdin?: string | null | undefined;
  /** A name of the image, or uid[:gid]. Default root of the cell, who is nobody on the host. */
  readonly user?: string | null | undefined;
  /** An absolute path that exists in the image. Default "/". */
  readonly workdir?: string | null | undefined;
};

export type DeleteJobMutationVariables = Exact<{
  input: DeleteJobInput;
}>;


export type DeleteJobMutation = { readonly deleteJob: { readonly job: { readonly id: string } } };

export type WatchJobSubscriptionVariables = Exact<{
  jobId: string;
}>;


export type WatchJobSubscription = { readonly jobUpdated: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } };

export type JobSummaryFragment = { readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> };

export type UsageDetailsFragment = { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null };

export type JobDetailsFragment = { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> };

export type JobByIdQueryVariables = Exact<{
  id: string;
}>;


export type JobByIdQuery = { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } | null };

export type JobListQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  filter?: JobFilter | null | undefined;
}>;


export type JobListQuery = { readonly jobs: { readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } }> } };

export type FollowLogsSubscriptionVariables = Exact<{
  jobId: string;
  after?: string | null | undefined;
  tail?: number | null | undefined;
  stream?: LogStream | null | undefined;
  follow: boolean;
  withTime: boolean;
  withText: boolean;
}>;


export type FollowLogsSubscription = { readonly logs: { readonly cursor: string, readonly endOfLog: boolean, readonly droppedBytes: number, readonly entries: ReadonlyArray<{ readonly stream: LogStream, readonly bytes: string, readonly cursor?: string, readonly time?: string, readonly text?: string }> } };

export type PauseJobMutationVariables = Exact<{
  input: PauseJobInput;
}>;


export type PauseJobMutation = { readonly pauseJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type PinJobMutationVariables = Exact<{
  input: PinJobInput;
}>;


export type PinJobMutation = { readonly pinJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type ResumeJobMutationVariables = Exact<{
  input: ResumeJobInput;
}>;


export type ResumeJobMutation = { readonly resumeJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type SignalJobMutationVariables = Exact<{
  input: SignalJobInput;
}>;


export type SignalJobMutation = { readonly signalJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type StopJobMutationVariables = Exact<{
  input: StopJobInput;
}>;


export type StopJobMutation = { readonly stopJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type SubmitJobMutationVariables = Exact<{
  input: SubmitJobInput;
}>;


export type SubmitJobMutation = { readonly submitJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pausedAt: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly argv: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type FollowUsageSubscriptionVariables = Exact<{
  jobId: string;
  interval?: number | string | null | undefined;
}>;


export type FollowUsageSubscription = { readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const JobSummaryFragmentDoc = new TypedDocumentString(`
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
    `, {"fragmentName":"JobSummary"}) as unknown as TypedDocumentString<JobSummaryFragment, unknown>;
export const UsageDetailsFragmentDoc = new TypedDocumentString(`
    fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
    `, {"fragmentName":"UsageDetails"}) as unknown as TypedDocumentString<UsageDetailsFragment, unknown>;
export const JobDetailsFragmentDoc = new TypedDocumentString(`
    fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}`, {"fragmentName":"JobDetails"}) as unknown as TypedDocumentString<JobDetailsFragment, unknown>;
export const DeleteJobDocument = new TypedDocumentString(`
    mutation DeleteJob($input: DeleteJobInput!) {
  deleteJob(input: $input) {
    job {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteJobMutation, DeleteJobMutationVariables>;
export const WatchJobDocument = new TypedDocumentString(`
    subscription WatchJob($jobId: ID!) {
  jobUpdated(jobId: $jobId) {
    ...JobDetails
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<WatchJobSubscription, WatchJobSubscriptionVariables>;
export const JobByIdDocument = new TypedDocumentString(`
    query JobById($id: ID!) {
  job(id: $id) {
    ...JobDetails
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<JobByIdQuery, JobByIdQueryVariables>;
export const JobListDocument = new TypedDocumentString(`
    query JobList($first: Int!, $after: String, $filter: JobFilter) {
  jobs(first: $first, after: $after, filter: $filter) {
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...JobSummary
      }
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}`) as unknown as TypedDocumentString<JobListQuery, JobListQueryVariables>;
export const FollowLogsDocument = new TypedDocumentString(`
    subscription FollowLogs($jobId: ID!, $after: String, $tail: Int, $stream: LogStream, $follow: Boolean!, $withTime: Boolean!, $withText: Boolean!) {
  logs(
    jobId: $jobId
    after: $after
    tail: $tail
    stream: $stream
    follow: $follow
  ) {
    cursor
    endOfLog
    droppedBytes
    entries {
      stream
      bytes
      cursor @include(if: $withText)
      time @include(if: $withTime)
      text @include(if: $withText)
    }
  }
}
    `) as unknown as TypedDocumentString<FollowLogsSubscription, FollowLogsSubscriptionVariables>;
export const PauseJobDocument = new TypedDocumentString(`
    mutation PauseJob($input: PauseJobInput!) {
  pauseJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<PauseJobMutation, PauseJobMutationVariables>;
export const PinJobDocument = new TypedDocumentString(`
    mutation PinJob($input: PinJobInput!) {
  pinJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<PinJobMutation, PinJobMutationVariables>;
export const ResumeJobDocument = new TypedDocumentString(`
    mutation ResumeJob($input: ResumeJobInput!) {
  resumeJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<ResumeJobMutation, ResumeJobMutationVariables>;
export const SignalJobDocument = new TypedDocumentString(`
    mutation SignalJob($input: SignalJobInput!) {
  signalJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<SignalJobMutation, SignalJobMutationVariables>;
export const StopJobDocument = new TypedDocumentString(`
    mutation StopJob($input: StopJobInput!) {
  stopJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<StopJobMutation, StopJobMutationVariables>;
export const SubmitJobDocument = new TypedDocumentString(`
    mutation SubmitJob($input: SubmitJobInput!) {
  submitJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  argv
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  labels {
    key
    value
  }
}
fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}
fragment JobDetails on Job {
  ...JobSummary
  owner
  env {
    name
    value
  }
  workdir
  user
  hostname
  priority
  startAfter
  queue {
    position
    reason
  }
  pausedAt
  pinned
  attempt
  retriedBy {
    id
  }
  limits {
    cpus
    cpuWeight
    cpuset
    cpuTime
    memory
    memoryHigh
    swap
    pids
    disk
    inodes
    io {
      device
      readBps
      writeBps
      readIops
      writeIops
    }
    timeout
    output
    outputPolicy
  }
  limitsHit {
    limit
    value
    peak
    unit
    ended
    evidence {
      file
      key
      value
    }
    message
  }
  output {
    kept
    dropped
  }
  usage {
    ...UsageDetails
  }
}`) as unknown as TypedDocumentString<SubmitJobMutation, SubmitJobMutationVariables>;
export const FollowUsageDocument = new TypedDocumentString(`
    subscription FollowUsage($jobId: ID!, $interval: Duration) {
  usage(jobId: $jobId, interval: $interval) {
    ...UsageDetails
  }
}
    fragment UsageDetails on Usage {
  cpuTime
  userTime
  systemTime
  memoryCurrent
  memoryPeak
  pidsPeak
  ioRead
  ioWritten
  ioReadOperations
  ioWriteOperations
  oomKills
  forksRefused
  throttledTime
  pressure {
    cpu {
      some
      full
    }
    memory {
      some
      full
    }
    io {
      some
      full
    }
  }
}`) as unknown as TypedDocumentString<FollowUsageSubscription, FollowUsageSubscriptionVariables>;