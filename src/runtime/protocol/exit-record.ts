/** The exit record of a job, as the server reads it. */

import { signalName } from '../../signals.ts';
import { Fields } from './fields.ts';

/** Why the supervisor killed the cell; `none`: it did not, the command ended by itself or was killed. */
export type Cause = 'none' | 'time' | 'output' | 'stop' | 'cputime';

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
  /** Files of the cgroup as they were at the end. */
  readonly files: ReadonlyMap<string, string>;
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
  for (let name = reader.next(); name !== 'end'; name = reader.next()) {
    if (name === 'file') {
      const file = reader.next();
      files.set(file, reader.next());
      continue;
    }
    const count = FIELDS[name];
    if (count === undefined) throw new Error(`exit record: unknown field ${JSON.stringify(name)}`);
    fields.set(
      name,
      Array.from({ length: count }, () => reader.next()),
    );
  }
  return fromFields(fields, files);
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
  note: 1,
};

const CAUSES: readonly Cause[] = ['none', 'time', 'output', 'stop', 'cputime'];

const fromFields = (
  fields: ReadonlyMap<string, readonly string[]>,
  files: ReadonlyMap<string, string>,
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
    files,
    note: fields.get('note')?.[0] ?? null,
  };
};

/** A number as the launcher prints it: digits, within 63 bits. */
const toInteger = (name: string, field: string | undefined): bigint => {
  if (field === undefined || !/^[0-9]{1,19}$/.test(field))
    throw new Error(`exit record: ${name}: expected a number, got ${JSON.stringify(field)}`);
  return BigInt(field);
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
