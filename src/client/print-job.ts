/** Prints a job as the command line shows one. */

import { jobLines } from './format.ts';
import type { Job } from './job.ts';
import { print, printJson } from './output.ts';

/** Prints a job to standard output, as lines such as `Status: RUNNING` or, with `json`, as JSON; throws as `write` does. */
export const printJob = (job: Job, { json = false }: { readonly json?: boolean }): Promise<void> =>
  json ? printJson(job) : print(jobLines(job));
