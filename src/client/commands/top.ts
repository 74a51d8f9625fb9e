/** The command `cloister top`. */

import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConfig } from '../../config/config.ts';
import { parseDuration } from '../../units.ts';
import { connect } from '../connection.ts';
import { duration } from '../flag-values.ts';
import { commandLine, shortDuration, size } from '../format.ts';
import { RunningUsageDocument, type RunningUsageQuery } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { shortLength } from '../job-id.ts';
import { print, write } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { type Cell, tableLines } from '../table.ts';
import { HOME_AND_CLEAR } from '../terminal.ts';

type Running = RunningUsageQuery['jobs']['nodes'][number];

/** CPU time of each job, in milliseconds, and when it was measured. */
interface Sample {
  readonly at: number;
  readonly cpuTimes: ReadonlyMap<string, number>;
}

const HEADER = ['ID', 'CPU', 'MEMORY', 'LIMIT', 'READ', 'WRITTEN', 'TIME', 'NAME', 'COMMAND'];

/** The most jobs of one refresh: a page of the API. */
const MOST = 100;

/** `cloister top`: the usage of running jobs, the highest CPU usage first; refreshed on a terminal, but once as a list. */
export const top = async (
  config: ClientConfig,
  flags: ListFlags & { readonly interval: string; readonly once?: boolean },
): Promise<void> => {
  const isList = formatOf(flags) !== undefined || flags.json === true;
  const intervalMs = Math.max(100, parseDuration(duration('--interval', flags.interval)) ?? 0);
  const connection = await connect(config);
  const again = process.stdout.isTTY && !flags.once && !isList;
  let before: Sample | undefined;
  for (;;) {
    const { jobs } = await request(connection, RunningUsageDocument, { first: MOST });
    const now: Sample = {
      at: Date.now(),
      cpuTimes: new Map(jobs.nodes.map(({ id, usage }) => [id, usage?.cpuTime ?? 0])),
    };
    if (isList) return printList(jobs.nodes, flags, () => '');
    const { columns, rows } = process.stdout;
    const table = usageTable(jobs.nodes, now, before, columns);
    if (!again) return print(table);
    const lines = table.split('\n').slice(0, Math.max(1, (rows || 24) - 2));
    const count = `${jobs.totalCount} running${jobs.totalCount > MOST ? `, of which the newest ${MOST}` : ''}`;
    await write(process.stdout, `${HOME_AND_CLEAR}${count}\n${lines.join('\n')}`);
    before = now;
    await delay(intervalMs);
  }
};

const usageTable = (
  jobs: readonly Running[],
  now: Sample,
  before: Sample | undefined,
  width: number | undefined,
): string => {
  const length = width === undefined ? undefined : shortLength(jobs.map(({ id }) => id));
  const rows = jobs
    .map((job) => ({ job, cpus: cpusOf(job, now, before) }))
    .sort((one, other) => (other.cpus ?? 0) - (one.cpus ?? 0))
    .map(({ job, cpus }) => [
      job.id.slice(0, length),
      cpus === null ? '-' : `${(cpus * 100).toFixed(1)}%`,
      bytes(job.usage?.memoryCurrent),
      bytes(job.limits.memory),
      bytes(job.usage?.ioRead),
      bytes(job.usage?.ioWritten),
      job.startedAt === null ? '-' : shortDuration(now.at - Date.parse(job.startedAt)),
      inert(job.name ?? '-'),
      inert(commandLine(job)),
    ]);
  return tableLines(
    [HEADER, ...rows].map((row) => row.map((text): Cell => ({ text }))),
    width,
  );
};

/** CPUs that a job used since the last refresh, or since its start before that. `null`: nothing measures it. */
const cpusOf = (
  { id, usage, startedAt }: Running,
  now: Sample,
  before: Sample | undefined,
): number | null => {
  if (usage === null || startedAt === null) return null;
  const earlier = before?.cpuTimes.get(id);
  const from = before === undefined || earlier === undefined ? Date.parse(startedAt) : before.at;
  return now.at <= from ? null : Math.max(0, (usage.cpuTime - (earlier ?? 0)) / (now.at - from));
};

const bytes = (value: number | null | undefined): string => (value == null ? '-' : size(value));
