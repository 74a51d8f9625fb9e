/** The command `cloister bench`. */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConfig } from '../../config/config.ts';
import { parseDuration } from '../../units.ts';
import { type Connection, connect } from '../connection.ts';
import { duration, oneOf, whole } from '../flag-values.ts';
import {
  BenchJobDocument,
  DeleteJobDocument,
  FirstOutputDocument,
  SubmitBenchJobDocument,
} from '../generated/operations.ts';
import { aside, print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { type CommandWords, submission } from '../submit-input.ts';
import { subscribe } from '../subscribe.ts';
import { tableLines } from '../table.ts';

/** The flags of `cloister bench`, as they were typed. */
export interface BenchFlags {
  readonly count: string;
  readonly mode?: readonly string[];
  readonly interval: string;
  readonly image?: string;
  readonly keep?: boolean;
  readonly json?: boolean;
}

/** How jobs are submitted: each when the one before has ended, one every interval, or all at once. */
const MODES = ['sequential', 'staggered', 'burst'] as const;
type Mode = (typeof MODES)[number];
/** Compared like values of flags, in any case. */
const NAMES = MODES.map((mode) => mode.toUpperCase());

/** The most jobs of one mode: each has an open connection while it runs. */
const MOST_JOBS = 1000;
const DEFAULT_COMMAND: CommandWords = { argv: ['echo', 'hello'] };

/** Milliseconds of one job from its submission on; without output there is no first byte. */
interface Timing {
  readonly id: string;
  readonly submittedMs: number;
  readonly firstByteMs: number | undefined;
  readonly endMs: number;
  readonly succeeded: boolean;
}

interface Times {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What is printed for one mode. Times are milliseconds; `null` where no job has one. */
interface Report {
  readonly mode: Mode;
  readonly jobs: number;
  readonly succeeded: number;
  readonly jobsPerSecond: number;
  readonly submittedMs: Times | null;
  readonly firstByteMs: Times | null;
  readonly endMs: Times | null;
}

/**
 * `cloister bench`: runs many small jobs in each mode, and prints how long they took from the client's side: until the
 * submission was answered, until the first output arrived, and until the end.
 *
 * @returns the exit code: 1 when a job did not succeed
 */
export const bench = async (
  config: ClientConfig,
  words: CommandWords | undefined,
  flags: BenchFlags,
): Promise<number> => {
  const count = whole('--count', flags.count, 1, MOST_JOBS);
  const intervalMs = parseDuration(duration('--interval', flags.interval)) ?? 0;
  const modes =
    flags.mode?.map((mode) => MODES[NAMES.indexOf(oneOf('--mode', NAMES, mode))] ?? 'burst') ?? MODES;
  const label = randomUUID();
  const { input } = await submission(
    words ?? DEFAULT_COMMAND,
    { ...(flags.image !== undefined && { image: flags.image }), label: [`bench=${label}`] },
    { own: false },
  );
  const connection = await connect(config);
  const run = (): Promise<Timing> => runOne(connection, input);
  const reports: Report[] = [];
  for (const mode of modes) {
    await aside(`${mode}: ${count} jobs`);
    const began = performance.now();
    const timings = await runAll(mode, count, intervalMs, run);
    reports.push(reportOf(mode, timings, performance.now() - began));
    if (!flags.keep) await deleteAll(connection, timings);
  }
  await (flags.json ? printJson(reports) : print(table(reports)));
  return reports.every(({ jobs, succeeded }) => succeeded === jobs) ? 0 : 1;
};

const runAll = async (
  mode: Mode,
  count: number,
  intervalMs: number,
  run: () => Promise<Timing>,
): Promise<readonly Timing[]> => {
  if (mode === 'burst') return Promise.all(Array.from({ length: count }, run));
  if (mode === 'staggered')
    return Promise.all(
      Array.from({ length: count }, async (_, index) => {
        await delay(index * intervalMs);
        return run();
      }),
    );
  const timings: Timing[] = [];
  for (let index = 0; index < count; index++) timings.push(await run());
  return timings;
};

type Input = Awaited<ReturnType<typeof submission>>['input'];

/** Submits a job and follows its output to the end. */
const runOne = async (connection: Connection, input: Input): Promise<Timing> => {
  const began = performance.now();
  const since = (): number => performance.now() - began;
  const { submitJob } = await request(connection, SubmitBenchJobDocument, { input });
  const submittedMs = since();
  const { id } = submitJob.job;
  let firstByteMs: number | undefined;
  for await (const { logs } of subscribe(connection, FirstOutputDocument, { jobId: id }))
    if (logs.entries.length > 0) firstByteMs ??= since();
  const endMs = since();
  const { job } = await request(connection, BenchJobDocument, { id });
  const succeeded = job?.status === 'COMPLETED' && job.exitCode === 0;
  return { id, submittedMs, firstByteMs, endMs, succeeded };
};

const deleteAll = async (connection: Connection, timings: readonly Timing[]): Promise<void> => {
  for (const { id } of timings) await request(connection, DeleteJobDocument, { input: { jobId: id } });
};

const reportOf = (mode: Mode, timings: readonly Timing[], tookMs: number): Report => ({
  mode,
  jobs: timings.length,
  succeeded: timings.filter(({ succeeded }) => succeeded).length,
  jobsPerSecond: rounded((timings.length * 1000) / tookMs),
  submittedMs: timesOf(timings.map(({ submittedMs }) => submittedMs)),
  firstByteMs: timesOf(timings.flatMap(({ firstByteMs }) => firstByteMs ?? [])),
  endMs: timesOf(timings.map(({ endMs }) => endMs)),
});

/** The median and the 95th and 99th percentiles of some milliseconds. */
export const timesOf = (values: readonly number[]): Times | null => {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number): number =>
    rounded(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
};

const rounded = (value: number): number => Math.round(value * 100) / 100;

const HEADER = [
  '',
  'JOBS',
  'OK',
  'JOBS/S',
  'SUBMIT P50',
  'FIRST BYTE P50',
  'P95',
  'P99',
  'END P50',
  'P95',
  'P99',
];

const table = (reports: readonly Report[]): string => {
  const ms = (value: number | undefined): string => (value === undefined ? '-' : `${value.toFixed(1)}ms`);
  const rows = reports.map(({ mode, jobs, succeeded, jobsPerSecond, submittedMs, firstByteMs, endMs }) => [
    mode,
    `${jobs}`,
    `${succeeded}`,
    jobsPerSecond.toFixed(1),
    ms(submittedMs?.p50),
    ...[firstByteMs?.p50, firstByteMs?.p95, firstByteMs?.p99, endMs?.p50, endMs?.p95, endMs?.p99].map(ms),
  ]);
  return tableLines(
    [HEADER, ...rows].map((row) => row.map((text) => ({ text }))),
    process.stdout.isTTY ? process.stdout.columns : undefined,
  );
};
