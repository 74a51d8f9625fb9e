/** The command `cloister list`. */

import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { whole } from '../flag-values.ts';
import {
  FollowEventsDocument,
  type JobFilter,
  JobListDocument,
  type JobListQuery,
  type JobListQueryVariables,
} from '../generated/operations.ts';
import type { JobSummary } from '../job.ts';
import { type FilterFlags, jobFilter } from '../job-filter.ts';
import { jobTable } from '../job-table.ts';
import { print, write } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { HOME_AND_CLEAR } from '../terminal.ts';

interface JobListFlags extends FilterFlags, ListFlags {
  readonly limit: string;
  readonly quiet?: boolean;
  readonly watch?: boolean;
}

/** Jobs in one answer of the server. */
const PAGE = 100;

/**
 * `cloister list`: the newest jobs, newest first.
 *
 * @throws CliError for flags that exclude each other
 */
export const list = async (config: ClientConfig, flags: JobListFlags): Promise<void> => {
  const format = formatOf(flags);
  if (format !== undefined && (flags.quiet || flags.watch))
    throw new CliError('--format: expected without --quiet and --watch');
  const limit = whole('--limit', flags.limit);
  const filter = jobFilter(flags);
  if (flags.watch && (flags.json || flags.quiet || !process.stdout.isTTY))
    throw new CliError(
      '--watch: expected a terminal and neither --json nor --quiet; "cloister events" is for programs',
    );
  const connection = await connect(config);
  if (flags.watch) return watch(connection, filter, limit);
  const jobs = await newest(connection, filter, limit);
  if (!flags.quiet || flags.json)
    await printList(jobs, flags, () => jobTable(jobs, Date.now(), process.stdout.columns));
  else if (jobs.length > 0) await print(jobs.map(({ id }) => id).join('\n'));
};

/** The newest jobs that match, at most `limit`. */
const newest = async (
  connection: Connection,
  filter: JobFilter,
  limit: number,
): Promise<readonly JobSummary[]> => {
  const jobs: JobSummary[] = [];
  let after: string | null = null;
  while (jobs.length < limit) {
    const variables: JobListQueryVariables = { first: Math.min(PAGE, limit - jobs.length), after, filter };
    const { pageInfo, edges }: JobListQuery['jobs'] = (await request(connection, JobListDocument, variables))
      .jobs;
    jobs.push(...edges.map(({ node }) => node));
    if (!pageInfo.hasNextPage || pageInfo.endCursor === null) break;
    after = pageInfo.endCursor;
  }
  return jobs;
};

/** Lines that are assumed for a terminal of unknown size. */
const USUAL_ROWS = 24;

/** The least and the most milliseconds between two refreshes; the second is for the ages. */
const SOONEST_MS = 500;
const LATEST_MS = 5000;

/** Shows the jobs until interrupted, and refreshes whenever one of them has changed. */
const watch = async (connection: Connection, filter: JobFilter, limit: number): Promise<void> => {
  const [{ newestEvent }, { reconnecting }, { subscribe }] = await Promise.all([
    import('./events.ts'),
    import('../reconnect.ts'),
    import('../subscribe.ts'),
  ]);
  // Events are matched by their own state: a job that leaves the filter's states makes no event that matches.
  const { status: _, failed: __, ...rest } = filter;
  let after = await newestEvent(connection);
  const events = reconnecting(connection, () =>
    subscribe(connection, FollowEventsDocument, { after, filter: rest }),
  );
  const next = (): ReturnType<typeof events.next> => {
    const event = events.next();
    // A lost connection is reported by the race below, which may be awaited later.
    event.catch(() => undefined);
    return event;
  };
  let change = next();
  for (;;) {
    // The window may have been resized.
    const { columns, rows } = process.stdout;
    const jobs = await newest(connection, filter, Math.min(limit, Math.max(1, (rows || USUAL_ROWS) - 2)));
    await write(process.stdout, `${HOME_AND_CLEAR}${jobTable(jobs, Date.now(), columns)}\n`);
    const [changed] = await Promise.all([
      Promise.race([change, delay(LATEST_MS, undefined, { ref: false })]),
      delay(SOONEST_MS),
    ]);
    if (changed?.done) return;
    if (changed === undefined) continue;
    after = changed.value.jobEvents.cursor;
    change = next();
  }
};
