/**
 * The JSON columns of the database. What is stored there names its numbers as the API does, without their units, and
 * has done so from the first version on; inside the program each name carries its unit.
 */

import type { ArtifactError, ArtifactResult, TakenArtifact } from '../jobs/artifact.ts';
import type { InputFile, JobSpec, Limits, OutputCount, Pressure, Retries, Usage } from '../jobs/job.ts';
import { type WithoutUnit, withoutUnit } from '../units.ts';

type WithUnit<T> = Extract<keyof T & string, `${string}${'Ms' | 'Us' | 'Bytes'}`>;
type Stored<T> = { readonly [Name in keyof T & string as WithoutUnit<Name>]: T[Name] };

/**
 * Renames fields. A plain loop, since it runs for every job that is read, and `fromEntries` takes several times as
 * long.
 */
const rename = (value: object, names: Readonly<Record<string, string>>): object => {
  const renamed: Record<string, unknown> = {};
  for (const name in value) renamed[names[name] ?? name] = value[name as keyof typeof value];
  return renamed;
};

/** Translates one kind of object, in both directions. */
const translation = <T extends object>(names: Readonly<Record<WithUnit<T>, true>>) => {
  const withUnits = Object.keys(names);
  // Without a prototype: a field of a stored object may have any name.
  const map = (pairs: [string, string][]): Readonly<Record<string, string>> =>
    Object.assign(Object.create(null), Object.fromEntries(pairs));
  const stored = map(withUnits.map((name) => [name, withoutUnit(name)]));
  const loaded = map(withUnits.map((name) => [withoutUnit(name), name]));
  return {
    store: (value: T): Stored<T> => rename(value, stored) as Stored<T>,
    load: (value: Stored<T>): T => rename(value, loaded) as T,
  };
};

const limits = translation<Limits>({
  cpuTimeMs: true,
  memoryBytes: true,
  memoryHighBytes: true,
  swapBytes: true,
  diskBytes: true,
  timeoutMs: true,
  outputBytes: true,
});
const files = translation<InputFile>({ sizeBytes: true });
const retries = translation<Retries>({ backoffMs: true });
const usage = translation<Usage>({
  cpuTimeUs: true,
  userTimeUs: true,
  systemTimeUs: true,
  memoryCurrentBytes: true,
  memoryPeakBytes: true,
  ioReadBytes: true,
  ioWrittenBytes: true,
  throttledTimeUs: true,
});
const pressure = translation<Pressure>({ someUs: true, fullUs: true });
const artifact = translation<TakenArtifact>({ sizeBytes: true });
const output = translation<OutputCount>({ keptBytes: true, droppedBytes: true });

// The fields that were added since the first version, with the values that older jobs have.
const LATER_FIELDS = {
  priority: 0,
  startAfter: null,
  capabilities: 'NONE',
  stopSignal: 'SIGTERM',
  stopScope: 'COMMAND',
  openStdin: false,
  files: [],
  keepRoot: false,
  artifacts: [],
  terminal: null,
  retries: null,
  attempt: 1,
  retryOf: null,
  execOf: null,
  imageDigest: null,
} as const satisfies Partial<JobSpec>;
const LATER_LIMITS = {
  cpuWeight: null,
  cpuset: null,
  cpuTimeMs: null,
  memoryHighBytes: null,
  inodes: null,
  io: [],
  outputPolicy: 'KILL',
} as const satisfies Partial<Limits>;
const LATER_USAGE = {
  ioReadOperations: null,
  ioWriteOperations: null,
  forksRefused: null,
  pressure: null,
} as const satisfies Partial<Usage>;

interface StoredSpec extends Omit<JobSpec, 'limits' | 'retries' | 'startAfter' | 'stdinBytes' | 'files'> {
  /** Bytes; an earlier version had the text itself, which `stdinToMove` gives. */
  readonly stdin: number | string | null;
  readonly limits: Stored<Limits>;
  readonly files: readonly Stored<InputFile>[];
  readonly retries: Stored<Retries> | null;
  /** Milliseconds since 1970. */
  readonly startAfter: number | null;
}

/** A spec as JSON; names have no units there, so that those of earlier versions stay valid. */
export const storeSpec = (spec: JobSpec): string => {
  const { stdinBytes, ...rest } = spec;
  const stored: StoredSpec = {
    ...rest,
    stdin: stdinBytes,
    files: spec.files.map((file) => files.store(file)),
    limits: limits.store(spec.limits),
    retries: spec.retries && retries.store(spec.retries),
    startAfter: spec.startAfter?.getTime() ?? null,
  };
  return JSON.stringify(stored);
};

/**
 * A spec from its JSON.
 *
 * @param text as `storeSpec` of this version or an earlier one wrote it
 */
export const loadSpec = (text: string): JobSpec => {
  const { stdin, ...stored } = { ...LATER_FIELDS, ...(JSON.parse(text) as StoredSpec) };
  return {
    ...stored,
    stdinBytes: typeof stdin === 'string' ? Buffer.byteLength(stdin) : stdin,
    files: stored.files.map((file) => files.load(file)),
    limits: { ...LATER_LIMITS, ...limits.load(stored.limits) },
    retries: stored.retries && retries.load(stored.retries),
    startAfter: stored.startAfter === null ? null : new Date(stored.startAfter),
  };
};

interface StoredUsage extends Omit<Stored<Usage>, 'pressure'> {
  readonly pressure: Readonly<Record<'cpu' | 'memory' | 'io', Stored<Pressure>>> | null;
}

/** A usage as JSON, with names without units as in `storeSpec`. */
export const storeUsage = (value: Usage): string => {
  const stored: StoredUsage = {
    ...usage.store(value),
    pressure: value.pressure && {
      cpu: pressure.store(value.pressure.cpu),
      memory: pressure.store(value.pressure.memory),
      io: pressure.store(value.pressure.io),
    },
  };
  return JSON.stringify(stored);
};

/**
 * A usage from its JSON.
 *
 * @param text as `storeUsage` of this version or an earlier one wrote it
 */
export const loadUsage = (text: string): Usage => {
  const stored = { ...LATER_USAGE, ...(JSON.parse(text) as StoredUsage) };
  const pressures = stored.pressure && {
    cpu: pressure.load(stored.pressure.cpu),
    memory: pressure.load(stored.pressure.memory),
    io: pressure.load(stored.pressure.io),
  };
  return usage.load({ ...stored, pressure: pressures });
};

/** How much output there was, as JSON. */
export const storeOutput = (value: OutputCount): string => JSON.stringify(output.store(value));

/**
 * How much output there was, from its JSON.
 *
 * @param text as `storeOutput` wrote it
 */
export const loadOutput = (text: string): OutputCount => output.load(JSON.parse(text) as Stored<OutputCount>);

type StoredArtifact = Stored<TakenArtifact> | { readonly error: ArtifactError };

/** What became of artifacts, as JSON. */
export const storeArtifacts = (results: readonly ArtifactResult[]): string =>
  JSON.stringify(results.map((result) => ('error' in result ? result : artifact.store(result))));

/**
 * What became of artifacts, from its JSON.
 *
 * @param text as `storeArtifacts` wrote it
 */
export const loadArtifacts = (text: string): readonly ArtifactResult[] =>
  (JSON.parse(text) as StoredArtifact[]).map((stored) =>
    'error' in stored ? stored : artifact.load(stored),
  );
