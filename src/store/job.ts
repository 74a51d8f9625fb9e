/**
 * The job as it is kept: what was asked for, and the one state it is in.
 */

export const JOB_STATUSES = [
  'QUEUED',
  'RUNNING',
  'COMPLETED',
  'STOPPED',
  'LIMIT_EXCEEDED',
  'LOST',
  'FAILED',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export const LIMIT_KINDS = ['TIME', 'MEMORY', 'OUTPUT'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/** What runs: a line for the cell's `/bin/sh -c`, or a vector executed as it is. */
export type Command =
  | { readonly kind: 'shell'; readonly line: string }
  | { readonly kind: 'argv'; readonly argv: readonly [string, ...string[]] };

/**
 * The bounds of a job. `null` says that this host cannot enforce that one (its cgroup controller is missing).
 */
export interface Limits {
  /** CPUs' worth of time in each period: 0.5 is half a core. */
  readonly cpus: number | null;
  /** Bytes of memory of the whole cell, its writable layer included. */
  readonly memory: number | null;
  /** Bytes of swap. */
  readonly swap: number | null;
  /** Processes and threads at a time, the cell's own init not counted. */
  readonly pids: number | null;
  /** Bytes of the writable layer. */
  readonly disk: number;
  /** Milliseconds of wall time. */
  readonly timeout: number;
  /** Bytes of output that are kept, both streams together. */
  readonly output: number;
}

/** What a command that is root of its cell may do as such. */
export const CAPABILITY_PROFILES = ['NONE', 'ROOT_IN_CELL'] as const;
export type CapabilityProfile = (typeof CAPABILITY_PROFILES)[number];

export interface EnvVar {
  readonly name: string;
  readonly value: string;
}

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** What a client asked for, checked and with every default filled in. */
export interface JobSpec {
  readonly name: string | null;
  readonly command: Command;
  readonly image: string;
  readonly env: readonly EnvVar[];
  readonly workdir: string | null;
  readonly user: string | null;
  readonly hostname: string | null;
  readonly capabilities: CapabilityProfile;
  readonly stdin: string | null;
  readonly limits: Limits;
  readonly labels: readonly Label[];
  /** Of jobs that wait, the one with the highest starts first. */
  readonly priority: number;
  /** Milliseconds since 1970 before which it does not start. */
  readonly startAfter: number | null;
}

/** How the command itself ended. */
export type Termination =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: string };

/** What a job consumed. Times in microseconds, sizes in bytes; `null` where this host does not count it. */
export interface Usage {
  readonly cpuTime: number;
  readonly userTime: number | null;
  readonly systemTime: number | null;
  /** Only while the job runs. */
  readonly memoryCurrent: number | null;
  readonly memoryPeak: number | null;
  readonly pidsPeak: number | null;
  readonly ioRead: number | null;
  readonly ioWritten: number | null;
  readonly oomKills: number | null;
  readonly throttledTime: number | null;
}

/** The state of a job: one of these and nothing between. */
export type JobState =
  | { readonly status: 'QUEUED' }
  | { readonly status: 'RUNNING'; readonly startedAt: Date }
  | {
      readonly status: 'COMPLETED';
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly termination: Termination;
      readonly usage: Usage | null;
    }
  | {
      readonly status: 'STOPPED';
      /** `null`: stopped before it ran. */
      readonly startedAt: Date | null;
      readonly finishedAt: Date;
      readonly termination: Termination | null;
      readonly usage: Usage | null;
    }
  | {
      readonly status: 'LIMIT_EXCEEDED';
      readonly limit: LimitKind;
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly termination: Termination;
      readonly usage: Usage | null;
      /** A sentence for people: which limit, its value, what was seen. */
      readonly error: string;
    }
  | {
      readonly status: 'LOST';
      readonly startedAt: Date;
      readonly finishedAt: Date;
      readonly error: string;
    }
  | { readonly status: 'FAILED'; readonly finishedAt: Date; readonly error: string };

export interface Job {
  /** UUIDv7. */
  readonly id: string;
  readonly owner: string;
  readonly createdAt: Date;
  readonly spec: JobSpec;
  readonly state: JobState;
}
