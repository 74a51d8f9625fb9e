/** Turns the flags that select jobs into a filter of the API. */

import { JOB_STATUSES } from '../job-status.ts';
import { moment, oneOf, pair } from './flag-values.ts';
import type { JobFilter, JobStatus } from './generated/operations.ts';

/** The flags of `list`, `events` and `prune`. */
export interface FilterFlags {
  readonly status?: readonly string[];
  readonly failed?: boolean;
  readonly label?: string;
  readonly name?: string;
  readonly since?: string;
}

/**
 * The filter of the API for these flags.
 *
 * @throws CliError that names the flag
 */
export const jobFilter = ({ status, failed, label, name, since }: FilterFlags): JobFilter => ({
  ...(status && { status: status.flatMap((text) => text.split(',')).map(jobStatus) }),
  ...(failed && { failed }),
  ...(label !== undefined && { label: labelOf(label) }),
  ...(name !== undefined && { name }),
  ...(since !== undefined && { createdAfter: moment('--since', 'ago', since, Date.now()) }),
});

const labelOf = (text: string): { key: string; value: string } => {
  const [key, value] = pair('--label', 'KEY=VALUE', text);
  return { key, value };
};

const jobStatus = (text: string): JobStatus => oneOf('--status', JOB_STATUSES, text);
