/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Why an artifact was not kept. */
export type ArtifactError =
  /** The disk of the server is full. */
  | 'DISK_FULL'
  /** Nothing was at the path, or nothing matched the pattern. */
  | 'MISSING'
  /** It is neither a file nor a folder of the root file system: a device, a pipe, a socket, links in a circle, something in /proc or /dev. */
  | 'NOT_A_FILE'
  /** Folders are more than 256 deep, or a path has more than 4095 bytes. */
  | 'TOO_DEEP'
  /** Together with the artifacts before it, it has more bytes than `limits.disk`, holes included. */
  | 'TOO_LARGE'
  /** More than 100000 names are in the folders that had to be looked into. */
  | 'TOO_MANY_ENTRIES'
  /** All artifacts together took longer than 60 seconds. */
  | 'TOO_SLOW'
  /** It could not be read: the disk, or the process that copies it, failed. */
  | 'UNREADABLE';

/** A file or folder of the cell that is kept when the job has ended, however it ended. */
export type ArtifactInput = {
  /** The name to download it by, without slashes, of at most 255 bytes, each name once. Default: the last name of the path, with ".tar" for a folder; a pattern needs one. */
  readonly name?: string | null | undefined;
  /** It may be missing without an error. Default false. */
  readonly optional?: boolean | null | undefined;
  /** An absolute path in the cell, without "." and "..", of at most 4095 bytes. A folder is kept as a tar archive, and so is what matches a pattern: "*", "?" and "[...]" stand for characters of a name, "**" for any folders, and a backslash makes the next character literal. Links are followed within the cell. Mounted file systems, such as /dev/shm, are not kept. */
  readonly path: string;
};

/** What an artifact is. */
export type ArtifactKind =
  /** A tar archive of a folder, or of what matched a pattern: files, folders, and links that stay within it. */
  | 'ARCHIVE'
  /** A file, as it was. */
  | 'FILE';

/** An action that the audit log records. */
export type AuditAction =
  /** A token was created. */
  | 'CREATE_TOKEN'
  /** A link to upload a file for jobs was created. */
  | 'CREATE_UPLOAD'
  /** An image was deleted. */
  | 'DELETE_IMAGE'
  /** A job was deleted. */
  | 'DELETE_JOB'
  /** An artifact was downloaded, or a part of it, or asked about; recorded at most once in ten minutes for each client and artifact. For a download by the link of an artifact, the subject is `artifact link`. */
  | 'DOWNLOAD_ARTIFACT'
  /** Another command was run in the cell of a job, by `execInJob`; the entry names the job with the cell. */
  | 'EXEC_IN_JOB'
  /** An image was added from an archive. */
  | 'IMPORT_IMAGE'
  /** A job was paused. */
  | 'PAUSE_JOB'
  /** A job was pinned or unpinned. */
  | 'PIN_JOB'
  /** An image was added from a registry. */
  | 'PULL_IMAGE'
  /** A file in the cell of a job was read; recorded as `WRITE_STDIN` is. */
  | 'READ_FILE'
  /** The terminal of a job got another size; recorded as `WRITE_STDIN` is. */
  | 'RESIZE_TERMINAL'
  /** A paused job was continued. */
  | 'RESUME_JOB'
  /** A link to a job was revoked. */
  | 'REVOKE_SHARE'
  /** A token was revoked. */
  | 'REVOKE_TOKEN'
  /** The admin token of the state folder was replaced. */
  | 'ROTATE_ADMIN_TOKEN'
  /** An image was made of what a job has changed. */
  | 'SAVE_IMAGE'
  /** The quotas of a subject were changed. */
  | 'SET_QUOTA'
  /** A link to a job was created. */
  | 'SHARE_JOB'
  /** A signal was sent to a job. */
  | 'SIGNAL_JOB'
  /** A sign-in failed. The first 60 of each minute are recorded. */
  | 'SIGN_IN'
  /** A job was stopped. */
  | 'STOP_JOB'
  /** A job was submitted, by `submitJob` or `runJob`. */
  | 'SUBMIT_JOB'
  /** A file for jobs was uploaded, or a part of it; recorded at most once in ten minutes for each client and file. For an upload by a link, the subject is the one that created the link. */
  | 'UPLOAD_FILE'
  /** A file in the cell of a job was written, or a folder made; recorded as `WRITE_STDIN` is. */
  | 'WRITE_FILE'
  /** Standard input of a job was written; recorded at most once in ten minutes for each client and job. */
  | 'WRITE_STDIN';

/** Which entries: each field that is set must match. */
export type AuditFilter = {
  /** What was done. Default: anything. */
  readonly action?: AuditAction | null | undefined;
  /** True: actions that failed; false: actions that succeeded. Default: both. */
  readonly failed?: boolean | null | undefined;
  /** The id of the job. Default: entries about any job or none. */
  readonly job?: string | null | undefined;
  /** At this time or later. Default: from the first on. */
  readonly since?: string | null | undefined;
  /** The caller. Default: anybody. */
  readonly subject?: string | null | undefined;
  /** Before this time. Default: up to the last. */
  readonly until?: string | null | undefined;
};

/** Linux capabilities of a command that runs as root of its cell. They apply inside the cell only and give nothing on the host. */
export type CapabilityProfile =
  /** No capabilities: root of the cell has no more rights than any other user there. */
  | 'NONE'
  /** What package managers, su and chown need: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID and NET_BIND_SERVICE. Only for root of the cell. */
  | 'ROOT_IN_CELL';

/** The input of `createToken`. */
export type CreateTokenInput = {
  /** When it expires. Default: never. */
  readonly expiresAt?: string | null | undefined;
  /** What it is used for, for people: 1 to 128 printable characters. */
  readonly name: string;
  /** What its caller may do. */
  readonly role: Role;
  /** The name of the caller, such as an e-mail address: 1 to 128 printable characters. Tokens of the same subject share its jobs. */
  readonly subject: string;
};

/** The input of `deleteImage`. */
export type DeleteImageInput = {
  /** The name of the image. */
  readonly name: string;
};

/** The input of `deleteJob`. */
export type DeleteJobInput = {
  /** The id of the job. */
  readonly jobId: string;
};

/** An environment variable of the command. Each name may occur once. `value` or `valueBytes` is required; both may be given as they were read from a job. */
export type EnvVarInput = {
  /** The name, without "=". */
  readonly name: string;
  /** Whether the value is secret: it is never returned, not even to its owner, and is removed when the job has ended. It may not be empty. Default false. */
  readonly secret?: boolean | null | undefined;
  /** The value, taken literally; may be empty. At most 131071 bytes. */
  readonly value?: string | null | undefined;
  /** The value as bytes, for one that is not UTF-8. At most 131071 bytes. */
  readonly valueBytes?: string | null | undefined;
};

/** The input of `execInJob`. Exactly one of `command` and `argv` is required. */
export type ExecInJobInput = {
  /** A program and its arguments, as of SubmitJobInput. */
  readonly argv?: ReadonlyArray<string> | null | undefined;
  /** The same as bytes, for what is not UTF-8. */
  readonly argvBytes?: ReadonlyArray<string> | null | undefined;
  /** A command line for `/bin/sh -c` in the cell, at most 131071 bytes. */
  readonly command?: string | null | undefined;
  /** The same as bytes, for a line that is not UTF-8. */
  readonly commandBytes?: string | null | undefined;
  /** Environment variables, in addition to PATH, HOME, TERM and USER. Those of the job are not passed on. */
  readonly env?: ReadonlyArray<EnvVarInput> | null | undefined;
  /** The id of the job. */
  readonly jobId: string;
  /** Whether standard input stays open for `writeStdin`. Default false. */
  readonly openStdin?: boolean | null | undefined;
  /** Text for standard input, followed by end of file. */
  readonly stdin?: string | null | undefined;
  /** The same as bytes, for what is not UTF-8. */
  readonly stdinBytes?: string | null | undefined;
  /** Run the command on a terminal of this size. */
  readonly terminal?: TerminalSizeInput | null | undefined;
  /** The user to run as. Default: that of the job. */
  readonly user?: string | null | undefined;
  /** An absolute path that exists in the cell. Default: that of the job. */
  readonly workdir?: string | null | undefined;
};

/** A file for the cell of a job. Exactly one of `text`, `bytes` and `file` is required. */
export type FileInput = {
  /** The content as bytes; counts as `text` does. */
  readonly bytes?: string | null | undefined;
  /** The id of content that the caller has uploaded: see `createUpload`. */
  readonly file?: string | null | undefined;
  /** Its permissions, as octal digits from "0400" to "0777"; the file is read-only whatever they say. Default "0644". */
  readonly mode?: string | null | undefined;
  /** Where the job finds it: an absolute path of at most 4095 bytes, without "." and "..", not in /proc, /sys or /dev. Folders that do not exist are made. */
  readonly path: string;
  /** The content as text, which counts with `stdin` against `--max-stdin`. */
  readonly text?: string | null | undefined;
};

/** What kind of thing a file is. */
export type FileType =
  /** A device. */
  | 'DEVICE'
  /** A named pipe. */
  | 'FIFO'
  /** A regular file. */
  | 'FILE'
  /** A folder. */
  | 'FOLDER'
  /** A symbolic link. */
  | 'LINK'
  /** A Unix socket. */
  | 'SOCKET';

/** What is being done to add an image. */
export type ImagePhase =
  /** Its layers are being fetched. */
  | 'FETCHING'
  /** Its layers are being unpacked. */
  | 'UNPACKING'
  /** It waits until another image has been added. */
  | 'WAITING';

/** Bandwidth limits for one disk: at least one of the four rates. */
export type IoLimitInput = {
  /** A disk by path, such as "/dev/sda", or by device number, such as "8:0"; a partition stands for its disk. Default: the disk of the state folder. */
  readonly device?: string | null | undefined;
  /** Bytes read per second, from 1. Default: unlimited. */
  readonly readBps?: number | string | null | undefined;
  /** Read operations per second, from 1. Default: unlimited. */
  readonly readIops?: number | null | undefined;
  /** Bytes written per second, from 1. Default: unlimited. */
  readonly writeBps?: number | string | null | undefined;
  /** Write operations per second, from 1. Default: unlimited. */
  readonly writeIops?: number | null | undefined;
};

/** Selects jobs: every field that is given must match. An empty filter matches all jobs. */
export type JobFilter = {
  /** Jobs submitted after this time. */
  readonly createdAfter?: string | null | undefined;
  /** Jobs submitted before this time. */
  readonly createdBefore?: string | null | undefined;
  /** Jobs whose command exited with this code. */
  readonly exitCode?: number | null | undefined;
  /** True: jobs that are LIMIT_EXCEEDED, LOST or FAILED, or COMPLETED without the exit code 0. A job that was stopped did not fail. False sets no condition. */
  readonly failed?: boolean | null | undefined;
  /** Jobs whose id begins with this: 1 to 35 characters, of hexadecimal digits and "-". For a whole id there is `job`. */
  readonly idPrefix?: string | null | undefined;
  /** Jobs that run in the image of this name. */
  readonly image?: string | null | undefined;
  /** Jobs with this label, key and value. */
  readonly label?: LabelInput | null | undefined;
  /** Jobs that exceeded this limit. */
  readonly limitExceeded?: LimitKind | null | undefined;
  /** Jobs with exactly this name. */
  readonly name?: string | null | undefined;
  /** Jobs that this subject submitted. */
  readonly owner?: string | null | undefined;
  /** Jobs whose command this signal ended, by name or number: "SIGKILL", "KILL", "9". */
  readonly signal?: string | null | undefined;
  /** Jobs in one of these states. */
  readonly status?: ReadonlyArray<JobStatus> | null | undefined;
};

/** The state of a job. It begins as QUEUED and becomes RUNNING; the others are final. A queued job may also become STOPPED or FAILED. */
export type JobStatus =
  /** The command ended by itself: `exitCode` or `signal` says how. A non-zero exit code is COMPLETED too. */
  | 'COMPLETED'
  /** The command was never executed, for example because it does not exist or its cell could not be set up. `error` says which step failed and why. A command that ran and failed is COMPLETED. */
  | 'FAILED'
  /** The job was killed because it exceeded a limit: `limitExceeded` says which, `error` and `limitsHit` how. */
  | 'LIMIT_EXCEEDED'
  /** The job had started, but how it ended is unknown: its supervisor was killed, or the machine went down. Its output up to then is kept. A restart of the server alone does not lose jobs. */
  | 'LOST'
  /** Stored and waiting: for a free slot, for capacity, or for `startAfter`. `queue` says for what. */
  | 'QUEUED'
  /** The command is running, or is paused (see `pausedAt`). */
  | 'RUNNING'
  /** A client stopped the job with `stopJob`. `startedAt` is null when it had not started. It is not retried. */
  | 'STOPPED';

/** A label to attach or to search for. */
export type LabelInput = {
  /** The key, from 1 to 256 bytes; each key occurs once in a job. */
  readonly key: string;
  /** The value, at most 256 bytes; may be empty. */
  readonly value: string;
};

/** A limit that ends a job when it is exceeded. */
export type LimitKind =
  /** The limit of CPU time, `cpuTime`. */
  | 'CPU_TIME'
  /** The job's limit of memory, the ceiling of all jobs together, or the memory of the host: `limitsHit` says which. */
  | 'MEMORY'
  /** The limit of output, `output`, with the policy KILL. */
  | 'OUTPUT'
  /** The wall-clock limit, `timeout`. */
  | 'TIME';

/** Resource limits. What is left out takes the server's default; the defaults named here are those of a server without settings of its own. No value may exceed the server's maximum (`cloister serve --max-...`). A limit that this host cannot enforce is refused with LIMIT_UNAVAILABLE. */
export type LimitsInput = {
  /** CPU time of all processes together, after which the job ends with LIMIT_EXCEEDED. From 1ms to 3650d. Default: unlimited. */
  readonly cpuTime?: number | string | null | undefined;
  /** Share of CPU time while jobs compete for it (`cpu.weight`), from 1 to 10000. Jobs without it have 100. */
  readonly cpuWeight?: number | null | undefined;
  /** CPU time per period (`cpu.max`), in CPUs: 0.5 is half a core. From 0.01 to 1024. Default 1. */
  readonly cpus?: number | null | undefined;
  /** The CPUs the job may run on (`cpuset.cpus`), as a list such as "0-2,7". Default: all. */
  readonly cpuset?: string | null | undefined;
  /** Size of the writable layer of the root file system. Beyond it writes fail with ENOSPC. From 64Ki to 64Ti. Default 256Mi. */
  readonly disk?: number | string | null | undefined;
  /** Files and folders in the writable layer, from 16 to 2147483647. Default: one for each 4 KiB of `disk`. */
  readonly inodes?: number | null | undefined;
  /** Bandwidth of block devices (`io.max`), one entry per disk, at most 16. Default: unlimited. */
  readonly io?: ReadonlyArray<IoLimitInput> | null | undefined;
  /** Memory of all processes, including the files they write to the root file system, which is in memory (`memory.max`). Beyond it the kernel kills the job. From 4Mi to 64Ti, rounded to whole pages. Default 512Mi. */
  readonly memory?: number | string | null | undefined;
  /** Soft limit (`memory.high`): above it the kernel throttles the job and reclaims memory, but does not kill it. From 4Mi up to `memory`. Default: none. */
  readonly memoryHigh?: number | string | null | undefined;
  /** Bytes of stdout and stderr together that the log keeps. From 1 to 64Ti. Default 64Mi. */
  readonly output?: number | string | null | undefined;
  /** What happens beyond the `output` limit. Default KILL. */
  readonly outputPolicy?: OutputPolicy | null | undefined;
  /** Processes and threads that exist at the same time (`pids.max`). Beyond it fork(2) fails in the job. From 1 to 4194304. Default 256. */
  readonly pids?: number | null | undefined;
  /** Swap space (`memory.swap.max`). From 0 to 64Ti. Default 0. */
  readonly swap?: number | string | null | undefined;
  /** Wall-clock time from the start of the command, without pauses. Then the job is killed. From 1ms to 3650d. Default 1h. */
  readonly timeout?: number | string | null | undefined;
};

/** The stream that a command wrote to. */
export type LogStream =
  /** Standard error (descriptor 2). */
  | 'STDERR'
  /** Standard output (descriptor 1). */
  | 'STDOUT'
  /** The terminal of a job that has one, instead of the other two. */
  | 'TERMINAL';

/** Which network a job can reach. */
export type NetworkMode =
  /** Only a loopback interface of its own. */
  | 'NONE';

/** What happens when a job writes more output than its limit. */
export type OutputPolicy =
  /** The job is killed and ends with LIMIT_EXCEEDED (OUTPUT). */
  | 'KILL'
  /** The job continues. The log keeps the first half of the limit and, from the rest, the last quarter to half; what lies between is dropped and counted. The last part appears in the log when the job has ended. */
  | 'TRUNCATE';

/** The input of `pauseJob`. */
export type PauseJobInput = {
  /** The id of the job. */
  readonly jobId: string;
};

/** The input of `pinJob`. */
export type PinJobInput = {
  /** The id of the job. */
  readonly jobId: string;
  /** Whether to pin the job; false unpins it. */
  readonly pinned?: boolean | null | undefined;
};

/** The input of `pullImage`. */
export type PullImageInput = {
  /** The name of the image. Default: the reference. An existing name refers to the new image from then on. */
  readonly name?: string | null | undefined;
  /** What to pull, in the form that docker takes: `alpine:3.20`, `registry.example/team/app@sha256:...`. The default registry is Docker Hub, the default tag `latest`. */
  readonly reference: string;
};

/** The input of `resizeTerminal`. */
export type ResizeTerminalInput = {
  /** Characters in a line, from 1 to 4096. */
  readonly columns: number;
  /** The id of the job. */
  readonly jobId: string;
  /** Lines, from 1 to 4096. */
  readonly rows: number;
};

/** The input of `resumeJob`. */
export type ResumeJobInput = {
  /** The id of the job. */
  readonly jobId: string;
};

/** Automatic retries when a job fails: its command ends with a non-zero exit code or by a signal, it exceeds a limit, or it is LOST. STOPPED and FAILED jobs are not retried. Each attempt is a job of its own. */
export type RetriesInput = {
  /** The delay before the first retry, from 0 to 24h; it doubles before each further one, up to 24h. Default 1s. */
  readonly backoff?: number | string | null | undefined;
  /** The most retries after the first attempt, from 1 to 100. */
  readonly limit: number;
};

/** The input of `revokeShare`. */
export type RevokeShareInput = {
  /** The id of the share. */
  readonly id: string;
};

/** The input of `revokeToken`. */
export type RevokeTokenInput = {
  /** The id of the token. */
  readonly id: string;
};

/** What a caller may do. A job that it cannot see does not exist for it. */
export type Role =
  /** Everything, with the jobs of every subject. */
  | 'ADMIN'
  /** Submits jobs, and sees and controls those of its own subject. */
  | 'USER'
  /** Sees jobs of its own subject, and changes nothing. */
  | 'VIEWER';

/** The input of `saveImage`. */
export type SaveImageInput = {
  /** The id of the job. */
  readonly jobId: string;
  /** The name of the image: lower-case letters, digits and . _ - / : @, at most 255. */
  readonly name: string;
};

/** The input of `setQuota`. */
export type SetQuotaInput = {
  /** Connections at the same time. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly connections?: number | null | undefined;
  /** CPUs that the limits of running jobs may add up to. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly cpus?: number | null | undefined;
  /** Bytes of files that it may have uploaded for jobs. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly files?: number | string | null | undefined;
  /** Bytes of memory that the limits of running jobs may add up to. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly memory?: number | string | null | undefined;
  /** Jobs that wait. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly queuedJobs?: number | null | undefined;
  /** Jobs that run at the same time. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly runningJobs?: number | null | undefined;
  /** Bytes that jobs that have ended may take on the disk. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly storage?: number | string | null | undefined;
  /** Whose quotas are changed. */
  readonly subject: string;
  /** Submissions in a minute. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly submissionsPerMinute?: number | null | undefined;
  /** Subscriptions at the same time. A number sets it, null resets it to the default; left out, it stays as it is. */
  readonly subscriptions?: number | null | undefined;
};

/** The input of `shareJob`. */
export type ShareJobInput = {
  /** For how long: from 1m to 365d. Default: 7d. */
  readonly expiresIn?: number | string | null | undefined;
  /** Which job to show. */
  readonly jobId: string;
};

/** The input of `signalJob`. */
export type SignalJobInput = {
  /** The id of the job. */
  readonly jobId: string;
  /** The signal by name or number: "SIGHUP", "HUP" or "1". Real-time signals are "SIGRTMIN+1" and so on. */
  readonly signal: string;
};

/** The input of `stopJob`. */
export type StopJobInput = {
  /** How long the processes may take to end after the signal, before every process of the cell is killed. Default 10s. */
  readonly gracePeriod?: number | string | null | undefined;
  /** The id of the job. */
  readonly jobId: string;
};

/** The processes that `stopJob` sends the stop signal to. The job ends when they have ended, at the latest after the grace period; whatever is left is killed. */
export type StopScope =
  /** Every process of the cell, also those that made process groups or sessions of their own. */
  | 'CELL'
  /** The command alone, as `docker stop` does: for a program that ends its own processes. When it has ended, the others are killed at once. */
  | 'COMMAND'
  /** The process group of the command, as Ctrl-C on a terminal does: a shell and the programs that it runs, each of which can clean up. */
  | 'GROUP';

/** The command to run and its settings. Exactly one of `command`, `commandBytes`, `argv` and `argvBytes` is required. Command and `env` together may have at most 1 MiB; a `command` that is run from a file does not count. Text with unpaired surrogates, which has no UTF-8, is refused; fields whose names end in `Bytes` take any bytes. */
export type SubmitJobInput = {
  /** A program and its arguments, executed without a shell, each at most 131071 bytes. A program without "/" is looked up in PATH. */
  readonly argv?: ReadonlyArray<string> | null | undefined;
  /** The same as bytes, for arguments that are not UTF-8. */
  readonly argvBytes?: ReadonlyArray<string> | null | undefined;
  /** Files and folders of the cell to keep when the job has ended, at most 32. They are removed with the job. */
  readonly artifacts?: ReadonlyArray<ArtifactInput> | null | undefined;
  /** The Linux capabilities of the command in the cell. Default NONE. */
  readonly capabilities?: CapabilityProfile | null | undefined;
  /** A command line for `/bin/sh -c` in the cell, at most 1 MiB. One of more than 131071 bytes, the most that the kernel takes as an argument, is run from a read-only file, whose path is then `$0`. */
  readonly command?: string | null | undefined;
  /** The same as bytes, for a command line that is not UTF-8. */
  readonly commandBytes?: string | null | undefined;
  /** At most 10000 environment variables, in addition to PATH, HOME, TERM and USER, which they may override. The environment of the server is not passed on. */
  readonly env?: ReadonlyArray<EnvVarInput> | null | undefined;
  /** At most 100 files for the cell, each at a path of its own. They belong to the user of the job, are read-only, and do not count towards its disk or memory. */
  readonly files?: ReadonlyArray<FileInput> | null | undefined;
  /** The host name in the cell, at most 64 characters (RFC 1123). Default: the id of the job. */
  readonly hostname?: string | null | undefined;
  /** Makes a submission safe to repeat: the same key and input return the original job; other input fails with IDEMPOTENCY_CONFLICT. From 1 to 256 bytes; remembered for as long as the job is kept. */
  readonly idempotencyKey?: string | null | undefined;
  /** The name of the image to make the root file system from. Default "alpine". */
  readonly image?: string | null | undefined;
  /** Keep what the job changes of its root on the disk after its end, so that `Job.files` can read it and `saveImage` make an image of it. It is removed with the job. Default false: only a paused job can be saved. */
  readonly keepRoot?: boolean | null | undefined;
  /** Labels to find the job by, at most 64, each key once. */
  readonly labels?: ReadonlyArray<LabelInput> | null | undefined;
  /** Resource limits. What is left out takes the server's default. */
  readonly limits?: LimitsInput | null | undefined;
  /** A name to find the job by, from 1 to 256 bytes. Need not be unique. */
  readonly name?: string | null | undefined;
  /** Which network the job can reach. Default NONE. */
  readonly network?: NetworkMode | null | undefined;
  /** Whether standard input stays open, so that `writeStdin` can write to it while the job runs, after the text of `stdin` if there is one. Not together with `retries`. Default false. */
  readonly openStdin?: boolean | null | undefined;
  /** From -100 to 100: of the queued jobs the highest starts first. Default 0. */
  readonly priority?: number | null | undefined;
  /** Automatic retries. Default: none. */
  readonly retries?: RetriesInput | null | undefined;
  /** The job stays QUEUED at least until this time. Default: it starts as soon as possible. */
  readonly startAfter?: string | null | undefined;
  /** Text for standard input, followed by end of file, of at most 8 MiB (`cloister serve --max-stdin`). Default: standard input is /dev/null. */
  readonly stdin?: string | null | undefined;
  /** The same as bytes, for standard input that is not UTF-8. At most one of the two. */
  readonly stdinBytes?: string | null | undefined;
  /** The processes that `stopJob` sends the signal to. Default GROUP. */
  readonly stopScope?: StopScope | null | undefined;
  /** The signal that `stopJob` begins with: a name with or without "SIG", or a number from 1 to 64. Default "SIGTERM". */
  readonly stopSignal?: string | null | undefined;
  /** Standard input, output and error are a terminal of this size, the controlling one of the command, whose output is the stream TERMINAL. Includes `openStdin`, and TERM is xterm-256color unless `env` says otherwise. Not together with `stdin` or `retries`. Default: they are pipes. */
  readonly terminal?: TerminalSizeInput | null | undefined;
  /** The user to run as: "user" or "user:group", each a name of the image or a number, such as "nobody:nogroup" or "1000:1000". Default: root of the cell, an unprivileged user on the host. */
  readonly user?: string | null | undefined;
  /** The working directory: an absolute path that exists in the image. Default "/". */
  readonly workdir?: string | null | undefined;
};

/** The size of a terminal. */
export type TerminalSizeInput = {
  /** Characters in a line, from 1 to 4096. */
  readonly columns: number;
  /** Lines, from 1 to 4096. */
  readonly rows: number;
};

/** The input of `writeFile`. Exactly one of `path` and `pathBytes`, and of `text`, `bytes`, `folder`, `link` and `linkBytes`, is required. */
export type WriteFileInput = {
  /** Write at the present end of the file. Not with `offset`. */
  readonly append?: boolean | null | undefined;
  /** What to write, as bytes; at most 1 MiB. */
  readonly bytes?: string | null | undefined;
  /** Make a folder instead; one that exists is left as it is. */
  readonly folder?: boolean | null | undefined;
  /** The id of the job. */
  readonly jobId: string;
  /** Make a symbolic link that leads there instead. Nothing may be at the path yet. */
  readonly link?: string | null | undefined;
  /** The same as bytes, if it is not UTF-8. */
  readonly linkBytes?: string | null | undefined;
  /** Permissions in octal, such as "0755". Default: those that the file has; 0644 for a new one, 0755 for a folder. */
  readonly mode?: string | null | undefined;
  /** An absolute path on the same file system: the file or link is renamed to it when it has been written, in place of a file that is there. A file that is written in several parts, the last one with `moveTo`, is seen there only when it is complete. Not for a folder, and not in a request that is repeated. */
  readonly moveTo?: string | null | undefined;
  /** The same as bytes, if it is not UTF-8. */
  readonly moveToBytes?: string | null | undefined;
  /** Where in the file to write the bytes; the file ends after them. At most its current length. Default 0: they replace its content. */
  readonly offset?: number | string | null | undefined;
  /** Make the folders of the path that are missing. Default false. */
  readonly parents?: boolean | null | undefined;
  /** An absolute path in the cell, of at most 4095 bytes. Links are followed, except those of /proc that lead to what a process has open. */
  readonly path?: string | null | undefined;
  /** The same as bytes, for a path that is not UTF-8. */
  readonly pathBytes?: string | null | undefined;
  /** What to write, as UTF-8; at most 1 MiB. */
  readonly text?: string | null | undefined;
};

/** The input of `writeStdin`. At most one of `text` and `bytes`, of at most 1 MiB. */
export type WriteStdinInput = {
  /** Bytes to write. */
  readonly bytes?: string | null | undefined;
  /** Whether standard input ends after these bytes. */
  readonly endOfInput?: boolean | null | undefined;
  /** The id of the job. */
  readonly jobId: string;
  /** How many bytes were written before these; 0 for the first write. The text of `stdin` does not count. */
  readonly offset: number | string;
  /** Text to write, as UTF-8. */
  readonly text?: string | null | undefined;
};

export type ArtifactDetailsFragment = { readonly name: string, readonly path: string, readonly optional: boolean, readonly kind: ArtifactKind | null, readonly size: number | null, readonly sha256: string | null, readonly mode: string | null, readonly entries: number | null, readonly skipped: number | null, readonly url: string | null, readonly error: ArtifactError | null };

export type JobArtifactsQueryVariables = Exact<{
  id: string;
}>;


export type JobArtifactsQuery = { readonly job: { readonly status: JobStatus, readonly artifacts: ReadonlyArray<{ readonly name: string, readonly path: string, readonly optional: boolean, readonly kind: ArtifactKind | null, readonly size: number | null, readonly sha256: string | null, readonly mode: string | null, readonly entries: number | null, readonly skipped: number | null, readonly url: string | null, readonly error: ArtifactError | null }> } | null };

export type AttachedJobQueryVariables = Exact<{
  id: string;
}>;


export type AttachedJobQuery = { readonly job: { readonly status: JobStatus, readonly openStdin: boolean, readonly terminal: { readonly rows: number, readonly columns: number } | null } | null };

export type AuditLogQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  filter?: AuditFilter | null | undefined;
}>;


export type AuditLogQuery = { readonly auditLog: { readonly nodes: ReadonlyArray<{ readonly id: string, readonly time: string, readonly action: AuditAction, readonly subject: string | null, readonly job: string | null, readonly target: string | null, readonly secrets: number, readonly address: string | null, readonly userAgent: string | null, readonly token: string | null, readonly outcome: string }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type SubmitBenchJobMutationVariables = Exact<{
  input: SubmitJobInput;
}>;


export type SubmitBenchJobMutation = { readonly submitJob: { readonly job: { readonly id: string } } };

export type FirstOutputSubscriptionVariables = Exact<{
  jobId: string;
}>;


export type FirstOutputSubscription = { readonly logs: { readonly endOfLog: boolean, readonly entries: ReadonlyArray<{ readonly cursor: string }> } };

export type BenchJobQueryVariables = Exact<{
  id: string;
}>;


export type BenchJobQuery = { readonly job: { readonly status: JobStatus, readonly exitCode: number | null } | null };

export type DeleteJobMutationVariables = Exact<{
  input: DeleteJobInput;
}>;


export type DeleteJobMutation = { readonly deleteJob: { readonly job: { readonly id: string } } };

export type ExecInJobMutationVariables = Exact<{
  input: ExecInJobInput;
}>;


export type ExecInJobMutation = { readonly execInJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type ListFilesQueryVariables = Exact<{
  id: string;
  path: string;
  pathBytes?: string | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ListFilesQuery = { readonly job: { readonly files: { readonly file: { readonly type: FileType, readonly mode: string }, readonly nodes: ReadonlyArray<{ readonly name: string, readonly nameBytes: string | null, readonly type: FileType, readonly mode: string, readonly target: string | null, readonly targetBytes: string | null }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } | null } | null };

export type ReadFileQueryVariables = Exact<{
  id: string;
  path: string;
  pathBytes?: string | null | undefined;
  offset?: number | string | null | undefined;
  length?: number | string | null | undefined;
}>;


export type ReadFileQuery = { readonly job: { readonly files: { readonly content: { readonly bytes: string, readonly endOfFile: boolean } | null } | null } | null };

export type WriteFileMutationVariables = Exact<{
  input: WriteFileInput;
}>;


export type WriteFileMutation = { readonly writeFile: { readonly file: { readonly size: number } } };

export type FindJobQueryVariables = Exact<{
  name: string;
  idPrefix: string;
  isPrefix: boolean;
}>;


export type FindJobQuery = { readonly named: { readonly nodes: ReadonlyArray<{ readonly id: string }> }, readonly prefixed?: { readonly nodes: ReadonlyArray<{ readonly id: string }> } };

export type LastJobQueryVariables = Exact<{ [key: string]: never; }>;


export type LastJobQuery = { readonly jobs: { readonly nodes: ReadonlyArray<{ readonly id: string }> } };

export type ImageDetailsFragment = { readonly name: string, readonly digest: string, readonly size: number, readonly createdAt: string, readonly inUse: boolean, readonly layers: number, readonly source: string, readonly owner: string | null, readonly builtIn: boolean, readonly command: ReadonlyArray<string> | null, readonly user: string | null, readonly workdir: string | null, readonly skipped: { readonly count: number, readonly paths: ReadonlyArray<string> }, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }> };

export type ImagesQueryVariables = Exact<{ [key: string]: never; }>;


export type ImagesQuery = { readonly images: ReadonlyArray<{ readonly name: string, readonly digest: string, readonly size: number, readonly createdAt: string, readonly inUse: boolean, readonly layers: number, readonly source: string, readonly owner: string | null, readonly builtIn: boolean, readonly command: ReadonlyArray<string> | null, readonly user: string | null, readonly workdir: string | null, readonly skipped: { readonly count: number, readonly paths: ReadonlyArray<string> }, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }> }> };

export type DeleteImageMutationVariables = Exact<{
  input: DeleteImageInput;
}>;


export type DeleteImageMutation = { readonly deleteImage: { readonly name: string } };

export type PullImageMutationVariables = Exact<{
  input: PullImageInput;
}>;


export type PullImageMutation = { readonly pullImage: { readonly image: { readonly name: string, readonly digest: string, readonly size: number, readonly createdAt: string, readonly inUse: boolean, readonly layers: number, readonly source: string, readonly owner: string | null, readonly builtIn: boolean, readonly command: ReadonlyArray<string> | null, readonly user: string | null, readonly workdir: string | null, readonly skipped: { readonly count: number, readonly paths: ReadonlyArray<string> }, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }> } } };

export type ImageProgressSubscriptionVariables = Exact<{
  name: string;
}>;


export type ImageProgressSubscription = { readonly imageProgress: { readonly name: string, readonly phase: ImagePhase, readonly received: number, readonly total: number | null, readonly unpacked: number, readonly layers: number | null } };

export type SaveImageMutationVariables = Exact<{
  input: SaveImageInput;
}>;


export type SaveImageMutation = { readonly saveImage: { readonly image: { readonly name: string, readonly digest: string, readonly size: number, readonly createdAt: string, readonly inUse: boolean, readonly layers: number, readonly source: string, readonly owner: string | null, readonly builtIn: boolean, readonly command: ReadonlyArray<string> | null, readonly user: string | null, readonly workdir: string | null, readonly skipped: { readonly count: number, readonly paths: ReadonlyArray<string> }, readonly env: ReadonlyArray<{ readonly name: string, readonly value: string }> } } };

export type FollowEventsSubscriptionVariables = Exact<{
  after?: string | null | undefined;
  filter?: JobFilter | null | undefined;
}>;


export type FollowEventsSubscription = { readonly jobEvents: { readonly cursor: string, readonly time: string, readonly status: JobStatus, readonly job: { readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type NewestEventQueryVariables = Exact<{ [key: string]: never; }>;


export type NewestEventQuery = { readonly server: { readonly eventCursor: string } };

export type WatchJobSubscriptionVariables = Exact<{
  jobId: string;
}>;


export type WatchJobSubscription = { readonly jobUpdated: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } };

export type JobSummaryFragment = { readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> };

export type UsageDetailsFragment = { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null };

export type JobDetailsFragment = { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> };

export type JobByIdQueryVariables = Exact<{
  id: string;
}>;


export type JobByIdQuery = { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } | null };

export type JobListQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  filter?: JobFilter | null | undefined;
}>;


export type JobListQuery = { readonly jobs: { readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null }, readonly edges: ReadonlyArray<{ readonly node: { readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } }> } };

export type LogLinesFragment = { readonly cursor: string, readonly endOfLog: boolean, readonly droppedBytes: number, readonly damagedBytes: number, readonly entries: ReadonlyArray<{ readonly stream: LogStream, readonly bytes: string, readonly cursor?: string, readonly matched?: boolean | null, readonly time?: string, readonly text?: string, readonly resized?: { readonly rows: number, readonly columns: number } | null }> };

export type FollowLogsSubscriptionVariables = Exact<{
  jobId: string;
  after?: string | null | undefined;
  line?: number | null | undefined;
  tail?: number | null | undefined;
  since?: string | null | undefined;
  stream?: LogStream | null | undefined;
  grep?: string | null | undefined;
  regex?: boolean | null | undefined;
  context?: number | null | undefined;
  follow: boolean;
  withTime: boolean;
  withText: boolean;
  withMatched: boolean;
  withSize: boolean;
}>;


export type FollowLogsSubscription = { readonly logs: { readonly cursor: string, readonly endOfLog: boolean, readonly droppedBytes: number, readonly damagedBytes: number, readonly entries: ReadonlyArray<{ readonly stream: LogStream, readonly bytes: string, readonly cursor?: string, readonly matched?: boolean | null, readonly time?: string, readonly text?: string, readonly resized?: { readonly rows: number, readonly columns: number } | null }> } };

export type PauseJobMutationVariables = Exact<{
  input: PauseJobInput;
}>;


export type PauseJobMutation = { readonly pauseJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type PinJobMutationVariables = Exact<{
  input: PinJobInput;
}>;


export type PinJobMutation = { readonly pinJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type QuotaDetailsFragment = { readonly subject: string | null, readonly runningJobs: number | null, readonly queuedJobs: number | null, readonly cpus: number | null, readonly memory: number | null, readonly submissionsPerMinute: number | null, readonly storage: number | null, readonly files: number | null, readonly subscriptions: number | null, readonly connections: number | null, readonly overrides: ReadonlyArray<string>, readonly inUse: { readonly runningJobs: number, readonly queuedJobs: number, readonly cpus: number, readonly memory: number, readonly submissionsPerMinute: number | null, readonly storage: number | null, readonly files: number, readonly subscriptions: number, readonly connections: number } | null };

export type QuotasQueryVariables = Exact<{ [key: string]: never; }>;


export type QuotasQuery = { readonly quotas: ReadonlyArray<{ readonly subject: string | null, readonly runningJobs: number | null, readonly queuedJobs: number | null, readonly cpus: number | null, readonly memory: number | null, readonly submissionsPerMinute: number | null, readonly storage: number | null, readonly files: number | null, readonly subscriptions: number | null, readonly connections: number | null, readonly overrides: ReadonlyArray<string>, readonly inUse: { readonly runningJobs: number, readonly queuedJobs: number, readonly cpus: number, readonly memory: number, readonly submissionsPerMinute: number | null, readonly storage: number | null, readonly files: number, readonly subscriptions: number, readonly connections: number } | null }> };

export type SetQuotaMutationVariables = Exact<{
  input: SetQuotaInput;
}>;


export type SetQuotaMutation = { readonly setQuota: { readonly quota: { readonly subject: string | null, readonly runningJobs: number | null, readonly queuedJobs: number | null, readonly cpus: number | null, readonly memory: number | null, readonly submissionsPerMinute: number | null, readonly storage: number | null, readonly files: number | null, readonly subscriptions: number | null, readonly connections: number | null, readonly overrides: ReadonlyArray<string>, readonly inUse: { readonly runningJobs: number, readonly queuedJobs: number, readonly cpus: number, readonly memory: number, readonly submissionsPerMinute: number | null, readonly storage: number | null, readonly files: number, readonly subscriptions: number, readonly connections: number } | null } } };

export type ReceiptQueryVariables = Exact<{
  id: string;
}>;


export type ReceiptQuery = { readonly job: { readonly status: JobStatus, readonly receipt: { readonly envelope: string } | null } | null };

export type ReceiptKeysQueryVariables = Exact<{ [key: string]: never; }>;


export type ReceiptKeysQuery = { readonly receiptKeys: ReadonlyArray<{ readonly keyId: string, readonly publicKey: string, readonly current: boolean }> };

export type ReplayJobQueryVariables = Exact<{
  id: string;
}>;


export type ReplayJobQuery = { readonly job: { readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly terminal: { readonly rows: number, readonly columns: number } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } | null };

export type JobInputQueryVariables = Exact<{
  id: string;
}>;


export type JobInputQuery = { readonly job: { readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly capabilities: CapabilityProfile, readonly network: NetworkMode, readonly stopSignal: string, readonly stopScope: StopScope, readonly stdin: string | null, readonly stdinBytes: string | null, readonly keepRoot: boolean, readonly openStdin: boolean, readonly name: string | null, readonly priority: number, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly inputFiles: ReadonlyArray<{ readonly path: string, readonly mode: string, readonly text: string | null, readonly bytes: string | null, readonly file: string | null }>, readonly artifacts: ReadonlyArray<{ readonly path: string, readonly name: string, readonly optional: boolean }>, readonly terminal: { readonly rows: number, readonly columns: number } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }>, readonly retries: { readonly limit: number, readonly backoff: number } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> } } | null };

export type ResizeTerminalMutationVariables = Exact<{
  input: ResizeTerminalInput;
}>;


export type ResizeTerminalMutation = { readonly resizeTerminal: { readonly job: { readonly id: string } } };

export type ResumeJobMutationVariables = Exact<{
  input: ResumeJobInput;
}>;


export type ResumeJobMutation = { readonly resumeJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type RunJobMutationVariables = Exact<{
  input: SubmitJobInput;
  wait: number | string;
  withTime: boolean;
  withText: boolean;
  withMatched: boolean;
  withSize: boolean;
}>;


export type RunJobMutation = { readonly runJob: { readonly finished: boolean, readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> }, readonly logs: { readonly cursor: string, readonly endOfLog: boolean, readonly droppedBytes: number, readonly damagedBytes: number, readonly entries: ReadonlyArray<{ readonly stream: LogStream, readonly bytes: string, readonly cursor?: string, readonly matched?: boolean | null, readonly time?: string, readonly text?: string, readonly resized?: { readonly rows: number, readonly columns: number } | null }> } | null } };

export type ShareJobMutationVariables = Exact<{
  input: ShareJobInput;
}>;


export type ShareJobMutation = { readonly shareJob: { readonly url: string, readonly share: { readonly id: string, readonly expiresAt: string } } };

export type RevokeShareMutationVariables = Exact<{
  input: RevokeShareInput;
}>;


export type RevokeShareMutation = { readonly revokeShare: { readonly share: { readonly id: string } } };

export type SharesQueryVariables = Exact<{
  id: string;
}>;


export type SharesQuery = { readonly job: { readonly shares: ReadonlyArray<{ readonly id: string, readonly createdBy: string, readonly createdAt: string, readonly expiresAt: string, readonly revokedAt: string | null }> } | null };

export type SignalJobMutationVariables = Exact<{
  input: SignalJobInput;
}>;


export type SignalJobMutation = { readonly signalJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type StopJobMutationVariables = Exact<{
  input: StopJobInput;
}>;


export type StopJobMutation = { readonly stopJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type SubmitJobMutationVariables = Exact<{
  input: SubmitJobInput;
}>;


export type SubmitJobMutation = { readonly submitJob: { readonly job: { readonly owner: string, readonly workdir: string | null, readonly user: string | null, readonly hostname: string | null, readonly priority: number, readonly startAfter: string | null, readonly pinned: boolean, readonly attempt: number, readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly image: string, readonly status: JobStatus, readonly exitCode: number | null, readonly signal: string | null, readonly limitExceeded: LimitKind | null, readonly error: string | null, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly pausedAt: string | null, readonly env: ReadonlyArray<{ readonly name: string, readonly secret: boolean, readonly value: string, readonly valueBytes: string | null }>, readonly queue: { readonly position: number | null, readonly reason: string } | null, readonly retriedBy: { readonly id: string } | null, readonly limits: { readonly cpus: number | null, readonly cpuWeight: number | null, readonly cpuset: string | null, readonly cpuTime: number | null, readonly memory: number | null, readonly memoryHigh: number | null, readonly swap: number | null, readonly pids: number | null, readonly disk: number, readonly inodes: number | null, readonly timeout: number, readonly output: number, readonly outputPolicy: OutputPolicy, readonly io: ReadonlyArray<{ readonly device: string, readonly readBps: number | null, readonly writeBps: number | null, readonly readIops: number | null, readonly writeIops: number | null }> }, readonly limitsHit: ReadonlyArray<{ readonly limit: string, readonly value: number | null, readonly peak: number | null, readonly unit: string, readonly ended: boolean, readonly message: string, readonly evidence: ReadonlyArray<{ readonly file: string, readonly key: string | null, readonly value: number }> }>, readonly output: { readonly kept: number, readonly dropped: number } | null, readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } | null, readonly labels: ReadonlyArray<{ readonly key: string, readonly value: string }> } } };

export type TokenDetailsFragment = { readonly id: string, readonly name: string, readonly subject: string, readonly role: Role, readonly createdAt: string, readonly expiresAt: string | null, readonly lastUsedAt: string | null, readonly revokedAt: string | null };

export type TokensQueryVariables = Exact<{ [key: string]: never; }>;


export type TokensQuery = { readonly tokens: ReadonlyArray<{ readonly id: string, readonly name: string, readonly subject: string, readonly role: Role, readonly createdAt: string, readonly expiresAt: string | null, readonly lastUsedAt: string | null, readonly revokedAt: string | null }> };

export type CreateTokenMutationVariables = Exact<{
  input: CreateTokenInput;
}>;


export type CreateTokenMutation = { readonly createToken: { readonly secret: string, readonly token: { readonly id: string, readonly name: string, readonly subject: string, readonly role: Role, readonly createdAt: string, readonly expiresAt: string | null, readonly lastUsedAt: string | null, readonly revokedAt: string | null } } };

export type RevokeTokenMutationVariables = Exact<{
  input: RevokeTokenInput;
}>;


export type RevokeTokenMutation = { readonly revokeToken: { readonly token: { readonly id: string, readonly name: string, readonly subject: string, readonly role: Role, readonly createdAt: string, readonly expiresAt: string | null, readonly lastUsedAt: string | null, readonly revokedAt: string | null } } };

export type RotateAdminTokenMutationVariables = Exact<{ [key: string]: never; }>;


export type RotateAdminTokenMutation = { readonly rotateAdminToken: { readonly secret: string } };

export type RunningUsageQueryVariables = Exact<{
  first: number;
}>;


export type RunningUsageQuery = { readonly jobs: { readonly totalCount: number, readonly nodes: ReadonlyArray<{ readonly id: string, readonly name: string | null, readonly command: string | null, readonly commandBytes: string | null, readonly argv: ReadonlyArray<string> | null, readonly argvBytes: ReadonlyArray<string> | null, readonly startedAt: string | null, readonly usage: { readonly cpuTime: number, readonly memoryCurrent: number | null, readonly ioRead: number | null, readonly ioWritten: number | null } | null, readonly limits: { readonly memory: number | null } }> } };

export type FollowUsageSubscriptionVariables = Exact<{
  jobId: string;
  interval?: number | string | null | undefined;
}>;


export type FollowUsageSubscription = { readonly usage: { readonly cpuTime: number, readonly userTime: number | null, readonly systemTime: number | null, readonly memoryCurrent: number | null, readonly memoryPeak: number | null, readonly pidsPeak: number | null, readonly ioRead: number | null, readonly ioWritten: number | null, readonly ioReadOperations: number | null, readonly ioWriteOperations: number | null, readonly oomKills: number | null, readonly forksRefused: number | null, readonly throttledTime: number | null, readonly pressure: { readonly cpu: { readonly some: number, readonly full: number }, readonly memory: { readonly some: number, readonly full: number }, readonly io: { readonly some: number, readonly full: number } } | null } };

export type WhoAmIQueryVariables = Exact<{ [key: string]: never; }>;


export type WhoAmIQuery = { readonly viewer: { readonly subject: string, readonly role: Role } };

export type WriteStdinMutationVariables = Exact<{
  input: WriteStdinInput;
}>;


export type WriteStdinMutation = { readonly writeStdin: { readonly accepted: number, readonly offset: number } };

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
export const ArtifactDetailsFragmentDoc = new TypedDocumentString(`
    fragment ArtifactDetails on Artifact {
  name
  path
  optional
  kind
  size
  sha256
  mode
  entries
  skipped
  url
  error
}
    `, {"fragmentName":"ArtifactDetails"}) as unknown as TypedDocumentString<ArtifactDetailsFragment, unknown>;
export const ImageDetailsFragmentDoc = new TypedDocumentString(`
    fragment ImageDetails on Image {
  name
  digest
  size
  createdAt
  inUse
  layers
  skipped {
    count
    paths
  }
  source
  owner
  builtIn
  env {
    name
    value
  }
  command
  user
  workdir
}
    `, {"fragmentName":"ImageDetails"}) as unknown as TypedDocumentString<ImageDetailsFragment, unknown>;
export const JobSummaryFragmentDoc = new TypedDocumentString(`
    fragment JobSummary on Job {
  id
  name
  command
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
export const LogLinesFragmentDoc = new TypedDocumentString(`
    fragment LogLines on LogBatch {
  cursor
  endOfLog
  droppedBytes
  damagedBytes
  entries {
    stream
    bytes
    cursor @include(if: $withText)
    matched @include(if: $withMatched)
    resized @include(if: $withSize) {
      rows
      columns
    }
    time @include(if: $withTime)
    text @include(if: $withText)
  }
}
    `, {"fragmentName":"LogLines"}) as unknown as TypedDocumentString<LogLinesFragment, unknown>;
export const QuotaDetailsFragmentDoc = new TypedDocumentString(`
    fragment QuotaDetails on Quota {
  subject
  runningJobs
  queuedJobs
  cpus
  memory
  submissionsPerMinute
  storage
  files
  subscriptions
  connections
  overrides
  inUse {
    runningJobs
    queuedJobs
    cpus
    memory
    submissionsPerMinute
    storage
    files
    subscriptions
    connections
  }
}
    `, {"fragmentName":"QuotaDetails"}) as unknown as TypedDocumentString<QuotaDetailsFragment, unknown>;
export const TokenDetailsFragmentDoc = new TypedDocumentString(`
    fragment TokenDetails on Token {
  id
  name
  subject
  role
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
}
    `, {"fragmentName":"TokenDetails"}) as unknown as TypedDocumentString<TokenDetailsFragment, unknown>;
export const JobArtifactsDocument = new TypedDocumentString(`
    query JobArtifacts($id: ID!) {
  job(id: $id) {
    status
    artifacts {
      ...ArtifactDetails
    }
  }
}
    fragment ArtifactDetails on Artifact {
  name
  path
  optional
  kind
  size
  sha256
  mode
  entries
  skipped
  url
  error
}`) as unknown as TypedDocumentString<JobArtifactsQuery, JobArtifactsQueryVariables>;
export const AttachedJobDocument = new TypedDocumentString(`
    query AttachedJob($id: ID!) {
  job(id: $id) {
    status
    openStdin
    terminal {
      rows
      columns
    }
  }
}
    `) as unknown as TypedDocumentString<AttachedJobQuery, AttachedJobQueryVariables>;
export const AuditLogDocument = new TypedDocumentString(`
    query AuditLog($first: Int!, $after: String, $filter: AuditFilter) {
  auditLog(first: $first, after: $after, filter: $filter) {
    nodes {
      id
      time
      action
      subject
      job
      target
      secrets
      address
      userAgent
      token
      outcome
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<AuditLogQuery, AuditLogQueryVariables>;
export const SubmitBenchJobDocument = new TypedDocumentString(`
    mutation SubmitBenchJob($input: SubmitJobInput!) {
  submitJob(input: $input) {
    job {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<SubmitBenchJobMutation, SubmitBenchJobMutationVariables>;
export const FirstOutputDocument = new TypedDocumentString(`
    subscription FirstOutput($jobId: ID!) {
  logs(jobId: $jobId) {
    endOfLog
    entries {
      cursor
    }
  }
}
    `) as unknown as TypedDocumentString<FirstOutputSubscription, FirstOutputSubscriptionVariables>;
export const BenchJobDocument = new TypedDocumentString(`
    query BenchJob($id: ID!) {
  job(id: $id) {
    status
    exitCode
  }
}
    `) as unknown as TypedDocumentString<BenchJobQuery, BenchJobQueryVariables>;
export const DeleteJobDocument = new TypedDocumentString(`
    mutation DeleteJob($input: DeleteJobInput!) {
  deleteJob(input: $input) {
    job {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteJobMutation, DeleteJobMutationVariables>;
export const ExecInJobDocument = new TypedDocumentString(`
    mutation ExecInJob($input: ExecInJobInput!) {
  execInJob(input: $input) {
    job {
      ...JobDetails
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
}`) as unknown as TypedDocumentString<ExecInJobMutation, ExecInJobMutationVariables>;
export const ListFilesDocument = new TypedDocumentString(`
    query ListFiles($id: ID!, $path: String!, $pathBytes: Base64, $first: Int, $after: String) {
  job(id: $id) {
    files(path: $path, pathBytes: $pathBytes, first: $first, after: $after) {
      file {
        type
        mode
      }
      nodes {
        name
        nameBytes
        type
        mode
        target
        targetBytes
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ListFilesQuery, ListFilesQueryVariables>;
export const ReadFileDocument = new TypedDocumentString(`
    query ReadFile($id: ID!, $path: String!, $pathBytes: Base64, $offset: ByteSize, $length: ByteSize) {
  job(id: $id) {
    files(path: $path, pathBytes: $pathBytes, first: 1) {
      content(offset: $offset, length: $length) {
        bytes
        endOfFile
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ReadFileQuery, ReadFileQueryVariables>;
export const WriteFileDocument = new TypedDocumentString(`
    mutation WriteFile($input: WriteFileInput!) {
  writeFile(input: $input) {
    file {
      size
    }
  }
}
    `) as unknown as TypedDocumentString<WriteFileMutation, WriteFileMutationVariables>;
export const FindJobDocument = new TypedDocumentString(`
    query FindJob($name: String!, $idPrefix: String!, $isPrefix: Boolean!) {
  named: jobs(first: 1, filter: {name: $name}) {
    nodes {
      id
    }
  }
  prefixed: jobs(first: 5, filter: {idPrefix: $idPrefix}) @include(if: $isPrefix) {
    nodes {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<FindJobQuery, FindJobQueryVariables>;
export const LastJobDocument = new TypedDocumentString(`
    query LastJob {
  jobs(first: 1) {
    nodes {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<LastJobQuery, LastJobQueryVariables>;
export const ImagesDocument = new TypedDocumentString(`
    query Images {
  images {
    ...ImageDetails
  }
}
    fragment ImageDetails on Image {
  name
  digest
  size
  createdAt
  inUse
  layers
  skipped {
    count
    paths
  }
  source
  owner
  builtIn
  env {
    name
    value
  }
  command
  user
  workdir
}`) as unknown as TypedDocumentString<ImagesQuery, ImagesQueryVariables>;
export const DeleteImageDocument = new TypedDocumentString(`
    mutation DeleteImage($input: DeleteImageInput!) {
  deleteImage(input: $input) {
    name
  }
}
    `) as unknown as TypedDocumentString<DeleteImageMutation, DeleteImageMutationVariables>;
export const PullImageDocument = new TypedDocumentString(`
    mutation PullImage($input: PullImageInput!) {
  pullImage(input: $input) {
    image {
      ...ImageDetails
    }
  }
}
    fragment ImageDetails on Image {
  name
  digest
  size
  createdAt
  inUse
  layers
  skipped {
    count
    paths
  }
  source
  owner
  builtIn
  env {
    name
    value
  }
  command
  user
  workdir
}`) as unknown as TypedDocumentString<PullImageMutation, PullImageMutationVariables>;
export const ImageProgressDocument = new TypedDocumentString(`
    subscription ImageProgress($name: String!) {
  imageProgress(name: $name) {
    name
    phase
    received
    total
    unpacked
    layers
  }
}
    `) as unknown as TypedDocumentString<ImageProgressSubscription, ImageProgressSubscriptionVariables>;
export const SaveImageDocument = new TypedDocumentString(`
    mutation SaveImage($input: SaveImageInput!) {
  saveImage(input: $input) {
    image {
      ...ImageDetails
    }
  }
}
    fragment ImageDetails on Image {
  name
  digest
  size
  createdAt
  inUse
  layers
  skipped {
    count
    paths
  }
  source
  owner
  builtIn
  env {
    name
    value
  }
  command
  user
  workdir
}`) as unknown as TypedDocumentString<SaveImageMutation, SaveImageMutationVariables>;
export const FollowEventsDocument = new TypedDocumentString(`
    subscription FollowEvents($after: String, $filter: JobFilter) {
  jobEvents(after: $after, filter: $filter) {
    cursor
    time
    status
    job {
      ...JobSummary
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
  labels {
    key
    value
  }
}`) as unknown as TypedDocumentString<FollowEventsSubscription, FollowEventsSubscriptionVariables>;
export const NewestEventDocument = new TypedDocumentString(`
    query NewestEvent {
  server {
    eventCursor
  }
}
    `) as unknown as TypedDocumentString<NewestEventQuery, NewestEventQueryVariables>;
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
  labels {
    key
    value
  }
}`) as unknown as TypedDocumentString<JobListQuery, JobListQueryVariables>;
export const FollowLogsDocument = new TypedDocumentString(`
    subscription FollowLogs($jobId: ID!, $after: String, $line: Int, $tail: Int, $since: DateTime, $stream: LogStream, $grep: String, $regex: Boolean, $context: Int, $follow: Boolean!, $withTime: Boolean!, $withText: Boolean!, $withMatched: Boolean!, $withSize: Boolean!) {
  logs(
    jobId: $jobId
    after: $after
    line: $line
    tail: $tail
    since: $since
    stream: $stream
    grep: $grep
    regex: $regex
    context: $context
    follow: $follow
  ) {
    ...LogLines
  }
}
    fragment LogLines on LogBatch {
  cursor
  endOfLog
  droppedBytes
  damagedBytes
  entries {
    stream
    bytes
    cursor @include(if: $withText)
    matched @include(if: $withMatched)
    resized @include(if: $withSize) {
      rows
      columns
    }
    time @include(if: $withTime)
    text @include(if: $withText)
  }
}`) as unknown as TypedDocumentString<FollowLogsSubscription, FollowLogsSubscriptionVariables>;
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
export const QuotasDocument = new TypedDocumentString(`
    query Quotas {
  quotas {
    ...QuotaDetails
  }
}
    fragment QuotaDetails on Quota {
  subject
  runningJobs
  queuedJobs
  cpus
  memory
  submissionsPerMinute
  storage
  files
  subscriptions
  connections
  overrides
  inUse {
    runningJobs
    queuedJobs
    cpus
    memory
    submissionsPerMinute
    storage
    files
    subscriptions
    connections
  }
}`) as unknown as TypedDocumentString<QuotasQuery, QuotasQueryVariables>;
export const SetQuotaDocument = new TypedDocumentString(`
    mutation SetQuota($input: SetQuotaInput!) {
  setQuota(input: $input) {
    quota {
      ...QuotaDetails
    }
  }
}
    fragment QuotaDetails on Quota {
  subject
  runningJobs
  queuedJobs
  cpus
  memory
  submissionsPerMinute
  storage
  files
  subscriptions
  connections
  overrides
  inUse {
    runningJobs
    queuedJobs
    cpus
    memory
    submissionsPerMinute
    storage
    files
    subscriptions
    connections
  }
}`) as unknown as TypedDocumentString<SetQuotaMutation, SetQuotaMutationVariables>;
export const ReceiptDocument = new TypedDocumentString(`
    query Receipt($id: ID!) {
  job(id: $id) {
    status
    receipt {
      envelope
    }
  }
}
    `) as unknown as TypedDocumentString<ReceiptQuery, ReceiptQueryVariables>;
export const ReceiptKeysDocument = new TypedDocumentString(`
    query ReceiptKeys {
  receiptKeys {
    keyId
    publicKey
    current
  }
}
    `) as unknown as TypedDocumentString<ReceiptKeysQuery, ReceiptKeysQueryVariables>;
export const ReplayJobDocument = new TypedDocumentString(`
    query ReplayJob($id: ID!) {
  job(id: $id) {
    ...JobSummary
    terminal {
      rows
      columns
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
  labels {
    key
    value
  }
}`) as unknown as TypedDocumentString<ReplayJobQuery, ReplayJobQueryVariables>;
export const JobInputDocument = new TypedDocumentString(`
    query JobInput($id: ID!) {
  job(id: $id) {
    command
    commandBytes
    argv
    argvBytes
    image
    env {
      name
      secret
      value
      valueBytes
    }
    workdir
    user
    hostname
    capabilities
    network
    stopSignal
    stopScope
    stdin
    stdinBytes
    inputFiles {
      path
      mode
      text
      bytes
      file
    }
    keepRoot
    artifacts {
      path
      name
      optional
    }
    openStdin
    terminal {
      rows
      columns
    }
    name
    labels {
      key
      value
    }
    priority
    retries {
      limit
      backoff
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
  }
}
    `) as unknown as TypedDocumentString<JobInputQuery, JobInputQueryVariables>;
export const ResizeTerminalDocument = new TypedDocumentString(`
    mutation ResizeTerminal($input: ResizeTerminalInput!) {
  resizeTerminal(input: $input) {
    job {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<ResizeTerminalMutation, ResizeTerminalMutationVariables>;
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
export const RunJobDocument = new TypedDocumentString(`
    mutation RunJob($input: SubmitJobInput!, $wait: Duration!, $withTime: Boolean!, $withText: Boolean!, $withMatched: Boolean!, $withSize: Boolean!) {
  runJob(input: $input, wait: $wait) {
    finished
    job {
      ...JobDetails
    }
    logs(maxBytes: "1Mi") {
      ...LogLines
    }
  }
}
    fragment JobSummary on Job {
  id
  name
  command
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
fragment LogLines on LogBatch {
  cursor
  endOfLog
  droppedBytes
  damagedBytes
  entries {
    stream
    bytes
    cursor @include(if: $withText)
    matched @include(if: $withMatched)
    resized @include(if: $withSize) {
      rows
      columns
    }
    time @include(if: $withTime)
    text @include(if: $withText)
  }
}`) as unknown as TypedDocumentString<RunJobMutation, RunJobMutationVariables>;
export const ShareJobDocument = new TypedDocumentString(`
    mutation ShareJob($input: ShareJobInput!) {
  shareJob(input: $input) {
    url
    share {
      id
      expiresAt
    }
  }
}
    `) as unknown as TypedDocumentString<ShareJobMutation, ShareJobMutationVariables>;
export const RevokeShareDocument = new TypedDocumentString(`
    mutation RevokeShare($input: RevokeShareInput!) {
  revokeShare(input: $input) {
    share {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeShareMutation, RevokeShareMutationVariables>;
export const SharesDocument = new TypedDocumentString(`
    query Shares($id: ID!) {
  job(id: $id) {
    shares {
      id
      createdBy
      createdAt
      expiresAt
      revokedAt
    }
  }
}
    `) as unknown as TypedDocumentString<SharesQuery, SharesQueryVariables>;
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
  commandBytes
  argv
  argvBytes
  image
  status
  exitCode
  signal
  limitExceeded
  error
  createdAt
  startedAt
  finishedAt
  pausedAt
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
    secret
    value
    valueBytes
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
export const TokensDocument = new TypedDocumentString(`
    query Tokens {
  tokens {
    ...TokenDetails
  }
}
    fragment TokenDetails on Token {
  id
  name
  subject
  role
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
}`) as unknown as TypedDocumentString<TokensQuery, TokensQueryVariables>;
export const CreateTokenDocument = new TypedDocumentString(`
    mutation CreateToken($input: CreateTokenInput!) {
  createToken(input: $input) {
    secret
    token {
      ...TokenDetails
    }
  }
}
    fragment TokenDetails on Token {
  id
  name
  subject
  role
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
}`) as unknown as TypedDocumentString<CreateTokenMutation, CreateTokenMutationVariables>;
export const RevokeTokenDocument = new TypedDocumentString(`
    mutation RevokeToken($input: RevokeTokenInput!) {
  revokeToken(input: $input) {
    token {
      ...TokenDetails
    }
  }
}
    fragment TokenDetails on Token {
  id
  name
  subject
  role
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
}`) as unknown as TypedDocumentString<RevokeTokenMutation, RevokeTokenMutationVariables>;
export const RotateAdminTokenDocument = new TypedDocumentString(`
    mutation RotateAdminToken {
  rotateAdminToken {
    secret
  }
}
    `) as unknown as TypedDocumentString<RotateAdminTokenMutation, RotateAdminTokenMutationVariables>;
export const RunningUsageDocument = new TypedDocumentString(`
    query RunningUsage($first: Int!) {
  jobs(first: $first, filter: {status: [RUNNING]}) {
    totalCount
    nodes {
      id
      name
      command
      commandBytes
      argv
      argvBytes
      startedAt
      usage {
        cpuTime
        memoryCurrent
        ioRead
        ioWritten
      }
      limits {
        memory
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RunningUsageQuery, RunningUsageQueryVariables>;
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
export const WhoAmIDocument = new TypedDocumentString(`
    query WhoAmI {
  viewer {
    subject
    role
  }
}
    `) as unknown as TypedDocumentString<WhoAmIQuery, WhoAmIQueryVariables>;
export const WriteStdinDocument = new TypedDocumentString(`
    mutation WriteStdin($input: WriteStdinInput!) {
  writeStdin(input: $input) {
    accepted
    offset
  }
}
    `) as unknown as TypedDocumentString<WriteStdinMutation, WriteStdinMutationVariables>;