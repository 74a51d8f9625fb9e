/** The command `cloister prune`. */

import { createInterface } from 'node:readline/promises';
import type { ClientConfig } from '../../config/config.ts';
import { isFinalStatus, JOB_STATUSES } from '../../job-status.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError, ServerError } from '../errors.ts';
import { moment } from '../flag-values.ts';
import { DeleteJobDocument, type JobFilter, JobListDocument } from '../generated/operations.ts';
import { type FilterFlags, jobFilter } from '../job-filter.ts';
import { note, print } from '../output.ts';
import { request } from '../request.ts';

interface PruneFlags extends FilterFlags {
  readonly until?: string;
  readonly force?: boolean;
}

const FINAL = JOB_STATUSES.filter(isFinalStatus);
const PAGE = 100;

/** Codes for jobs that are skipped: pinned, deleted by somebody else, or changed since they were listed. */
const STAYS = ['JOB_PINNED', 'NOT_FOUND', 'JOB_NOT_ENDED'];

/**
 * `cloister prune`: deletes jobs that have ended, with their logs, and prints their ids; pinned ones stay.
 *
 * @throws CliError without `--force` unless a person confirms it, and for a state in which jobs have not ended
 */
export const prune = async (config: ClientConfig, flags: PruneFlags): Promise<void> => {
  const asked = jobFilter(flags);
  const open = asked.status?.find((status) => !isFinalStatus(status));
  if (open !== undefined)
    throw new CliError(`--status: expected states of jobs that have ended, got ${open}`);
  const filter: JobFilter = {
    ...asked,
    status: asked.status ?? FINAL,
    ...(flags.until !== undefined && { createdBefore: moment('--until', 'ago', flags.until, Date.now()) }),
  };
  if (!flags.force) await confirm();
  const connection = await connect(config);
  let deleted = 0;
  for await (const id of listed(connection, filter)) {
    if (!(await remove(connection, id))) continue;
    deleted += 1;
    await print(id);
  }
  await note(`${deleted} jobs deleted`);
};

const confirm = async (): Promise<void> => {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new CliError(
      '--force: expected, because there is no terminal to confirm on: this deletes jobs and their logs',
    );
  using lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question('Delete all jobs that match and have ended, with their logs? [y/N] ');
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was deleted');
};

/** The ids of all jobs that match, newest first; the cursor of a deleted job stays valid. */
async function* listed(connection: Connection, filter: JobFilter): AsyncGenerator<string, void, void> {
  for (let after: string | null = null; ; ) {
    const {
      jobs,
    }: {
      jobs: {
        edges: readonly { node: { id: string } }[];
        pageInfo: { hasNextPage: boolean; endCursor: string | null };
      };
    } = await request(connection, JobListDocument, { first: PAGE, after, filter });
    for (const { node } of jobs.edges) yield node.id;
    if (!jobs.pageInfo.hasNextPage || jobs.pageInfo.endCursor === null) return;
    after = jobs.pageInfo.endCursor;
  }
}

/** @returns whether it was deleted */
const remove = async (connection: Connection, jobId: string): Promise<boolean> => {
  try {
    await request(connection, DeleteJobDocument, { input: { jobId } });
    return true;
  } catch (error) {
    if (error instanceof ServerError && STAYS.includes(error.code ?? '')) return false;
    throw error;
  }
};
