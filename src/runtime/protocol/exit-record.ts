/** The exit record of a job, as the server reads it. */

import { signalName } from '../../signals.ts';
import { Fields } from './fields.ts';

/** Why the supervisor killed the cell; `none`: it did not, the command ended by itself or was killed. */
export type Cause = 'none' | 'time' | 'output' | 'stop' | 'cputime';

/** Why a command was not executed. */
export interface LaunchFailure {
  /** Which step of the launcher failed: `execute`, `mount`, `cgroup`, ... */
  readonly step: string;
  /** errno(3). */
  readonly errno: number;
  /** What the step was applied to: a path, a file of the cgroup, a command. */
  readonly subject: string;
  /** What the subject needs and is missing: the interpreter of a script. */
  readonly second: string;
}

/** The outcome of taking an artifact, in the words of the launcher's `artifact.h`. */
export const ARTIFACT_STATUSES = [
  'unfinished',
  'taken',
  'missing',
  'kind',
  'size',
  'entries',
  'depth',
  'time',
  'disk',
  'unreadable',
] as const;
export type ArtifactStatus = (typeof ARTIFACT_STATUSES)[number];

/** An artifact, as the supervisor took it; what was not taken has no size. */
export interface ArtifactRecord {
  readonly status: ArtifactStatus;
  /** An archive of a folder, or of what matches a pattern. */
  readonly folder: boolean;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly entries: number;
  readonly skipped: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What clients have written to a standard input. */
export interface InputRecord {
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What a supervisor writes when a job ends: the only source for how it ended. Times are nanoseconds. */
export interface ExitRecord {
  /** The command was executed; if not, `failure` or `cause` says why. */
  readonly executed: boolean;
  /** Wall clock; 0 when it was not executed. */
  readonly startedNs: bigint;
  readonly finishedNs: bigint;
  /** By the monotonic clock. */
  readonly durationNs: bigint;
  readonly cause: Cause;
  readonly termination:
    | { readonly kind: 'exited'; readonly code: number }
    | { readonly kind: 'signaled'; readonly signal: string }
    | null;
  readonly failure: LaunchFailure | null;
  /** Bytes of output in the log, and bytes that were dropped. */
  readonly keptBytes: number;
  readonly droppedBytes: number;
  /** What clients have written to an open standard input that is no terminal; `null`: it was none. */
  readonly input: InputRecord | null;
  /** Files of the cgroup as they were at the end. */
  readonly files: ReadonlyMap<string, string>;
  /** Of each in the plan, in its order; empty when they were not looked for. */
  readonly artifacts: readonly ArtifactRecord[];
  readonly note: string | null;
}

/**
 * Reads an exit record (format: `launcher/record.h`).
 *
 * @throws Error that says what is wrong with it
 */
export const parseExitRecord = (data: Buffer): ExitRecord => {
  const reader = new Fields('exit record', data);
  reader.expect('cell-exit');
  reader.expect('1');
  const fields = new Map<string, readonly string[]>();
  const files = new Map<string, string>();
  const artifacts: ArtifactRecord[] = [];
  for (let name = reader.next(); name !== 'end'; name = reader.next()) {
    if (name === 'file') {
      const file = reader.next();
      files.set(file, reader.next());
      continue;
    }
    if (name === 'artifact') {
      artifacts.push(artifact(Array.from({ length: 7 }, () => reader.next())));
      continue;
    }
    const count = FIELDS[name];
    if (count === undefined) throw new Error(`exit record: unknown field ${JSON.stringify(name)}`);
    fields.set(
      name,
      Array.from({ length: count }, () => reader.next()),
    );
  }
  return fromFields(fields, files, artifacts);
};

const FIELDS: Readonly<Record<string, number>> = {
  executed: 1,
  started: 1,
  finished: 1,
  duration: 1,
  cause: 1,
  termination: 2,
  failure: 5,
  kept: 1,
  dropped: 1,
  input: 2,
  note: 1,
};

const CAUSES: readonly Cause[] = ['none', 'time', 'output', 'stop', 'cputime'];

const fromFields = (
  fields: ReadonlyMap<string, readonly string[]>,
  files: ReadonlyMap<string, string>,
  artifacts: readonly ArtifactRecord[],
): ExitRecord => {
  const values = (name: string): readonly string[] => {
    const found = fields.get(name);
    if (found === undefined) throw new Error(`exit record: field ${name} is missing`);
    return found;
  };
  const integer = (name: string): bigint => toInteger(name, values(name)[0]);
  const cause = CAUSES.find((known) => known === values('cause')[0]);
  if (cause === undefined) throw new Error(`exit record: unknown cause ${values('cause')[0]}`);
  return {
    executed: integer('executed') === 1n,
    startedNs: integer('started'),
    finishedNs: integer('finished'),
    durationNs: integer('duration'),
    cause,
    termination: termination(values('termination')),
    failure: fields.has('failure') ? failure(values('failure')) : null,
    keptBytes: Number(integer('kept')),
    droppedBytes: Number(integer('dropped')),
    input: fields.has('input') ? input(values('input')) : null,
    files,
    artifacts,
    note: fields.get('note')?.[0] ?? null,
  };
};

const input = ([bytes, sha256]: readonly string[]): InputRecord => ({
  bytes: Number(toInteger('input', bytes)),
  sha256: toDigest('input', sha256),
});

const artifact = ([word, kind, mode, size, entries, skipped, sha256]: readonly string[]): ArtifactRecord => {
  const status = ARTIFACT_STATUSES.find((known) => known === word);
  if (status === undefined) throw new Error(`exit record: unknown artifact ${JSON.stringify(word)}`);
  const number = (field: string | undefined): number => Number(toInteger('artifact', field));
  return {
    status,
    folder: kind === 'folder',
    mode: number(mode),
    sizeBytes: number(size),
    entries: number(entries),
    skipped: number(skipped),
    sha256: toDigest('artifact', sha256),
  };
};

/** A number as the launcher prints it: digits, within 63 bits. */
const toInteger = (name: string, field: string | undefined): bigint => {
  if (field === undefined || !/^[0-9]{1,19}$/.test(field))
    throw new Error(`exit record: ${name}: expected a number, got ${JSON.stringify(field)}`);
  return BigInt(field);
};

const toDigest = (name: string, field = ''): string => {
  if (!/^[0-9a-f]{64}$/.test(field))
    throw new Error(`exit record: ${name}: expected a digest, got ${JSON.stringify(field)}`);
  return field;
};

const termination = ([kind, number]: readonly string[]): ExitRecord['termination'] => {
  switch (kind) {
    case 'none':
      return null;
    case 'exited':
      return { kind, code: Number(toInteger('termination', number)) };
    case 'signaled':
      return { kind, signal: signalName(Number(toInteger('termination', number))) };
    default:
      throw new Error(`exit record: unknown termination ${kind}`);
  }
};

const utf8 = (latin1: string | undefined): string => Buffer.from(latin1 ?? '', 'latin1').toString();

const failure = ([step, errno, , subject, second]: readonly string[]): LaunchFailure => ({
  step: step ?? '',
  errno: Number(toInteger('failure', errno)),
  subject: utf8(subject),
  second: utf8(second),
});
