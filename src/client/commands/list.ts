import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { whole } from '../flag-values.ts';
import { jobTable } from '../format.ts';
import {
  JobListDocument,
  type JobListQuery,
  type JobListQueryVariables,
  type JobStatus,
} from '../generated/operations.ts';
import { FINAL, type JobSummary } from '../job.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';

/** Jobs in one answer of the server. */
const PAGE = 100;

/** `cloister list`: the newest jobs, newest first. */
export const list = async (
  config: ClientConfig,
  flags: { readonly status?: readonly string[]; readonly limit: string; readonly json?: boolean },
): Promise<void> => {
  const limit = whole('--limit', flags.limit);
  const status = flags.status?.flatMap((text) => text.split(',')).map(jobStatus);
  const filter = status === undefined ? undefined : { status };
  const connection = await connect(config);
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
  await (flags.json ? printJson(jobs) : print(jobTable(jobs, Date.now(), process.stdout.columns)));
};

const jobStatus = (text: string): JobStatus => {
  const name = text.trim().toUpperCase();
  if (isStatus(name)) return name;
  throw new CliError(
    `--status: expected one of ${Object.keys(FINAL).join(', ')}, got ${JSON.stringify(text)}`,
  );
};

const isStatus = (name: string): name is JobStatus => Object.hasOwn(FINAL, name);
