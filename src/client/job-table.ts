/** The table of jobs that `list` prints. */

import { age, commandLine, shortDuration } from './format.ts';
import { inert } from './inert.ts';
import type { JobSummary } from './job.ts';
import { shortLength } from './job-id.ts';
import { result } from './result.ts';
import { type Cell, tableLines } from './table.ts';

const HEADER = ['ID', 'STATUS', 'EXIT', 'AGE', 'DURATION', 'NAME', 'COMMAND'].map((text): Cell => ({ text }));

/**
 * @param nowMs milliseconds since 1970, for ages and durations
 * @param width columns of the terminal; `undefined`: not a terminal, so that ids are complete and nothing is padded or
 *   cut
 */
export const jobTable = (jobs: readonly JobSummary[], nowMs: number, width?: number): string => {
  const length = width === undefined ? undefined : shortLength(jobs.map(({ id }) => id));
  const rows = jobs.map((job): readonly Cell[] => {
    const { text, failed } = result(job);
    const red = failed ? ({ format: 'red' } as const) : {};
    return [
      { text: job.id.slice(0, length) },
      { text: job.pausedAt === null ? job.status : 'PAUSED', ...red },
      { text, ...red },
      { text: age(nowMs - Date.parse(job.createdAt)) },
      { text: ran(job, nowMs) },
      { text: inert(job.name ?? '-') },
      { text: inert(commandLine(job)) },
    ];
  });
  return tableLines([HEADER, ...rows], width);
};

const ran = ({ startedAt, finishedAt }: JobSummary, nowMs: number): string =>
  startedAt === null
    ? '-'
    : shortDuration((finishedAt === null ? nowMs : Date.parse(finishedAt)) - Date.parse(startedAt));
