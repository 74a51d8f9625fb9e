/** The commands that manage quotas. */

import type { Flags } from '../../config/config.ts';
import type { SetQuotaFlags } from '../commands/quota.ts';
import { FORMAT_HELP, type ListFlags } from '../row-format.ts';
import { type Add, config } from './add.ts';

/** @param add adds a command below `cloister quota` */
export const addQuotas = (add: Add): void => {
  add(
    'list',
    'list the default quotas, and how much subjects use of theirs; * marks one set for the subject',
    ['quota list', 'quota list --json'],
  )
    .option('--json', 'print the quotas as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (flags: Flags & ListFlags) => {
      const { listQuotas } = await import('../commands/quota.ts');
      await listQuotas(config(flags), flags);
    });

  add('set', 'change the quotas of a subject from now on; "default" instead of a number resets one', [
    'quota set alice --running-jobs 4 --submissions-per-minute 60',
    'quota set alice --storage 5Gi --running-jobs default',
  ])
    .argument('<subject>', 'owner of the jobs')
    .option('--running-jobs <number>', 'jobs that run at the same time; further ones wait')
    .option('--queued-jobs <number>', 'jobs that wait; further ones are refused')
    .option('--cpus <number>', 'CPUs that the limits of running jobs add up to; further jobs wait')
    .option('--memory <size>', 'memory that the limits of running jobs add up to; further jobs wait')
    .option('--submissions-per-minute <number>', 'jobs submitted in a minute; further ones are refused')
    .option('--storage <size>', 'disk space of jobs that have ended')
    .option('--files <size>', 'files that were uploaded for jobs')
    .option('--subscriptions <number>', 'subscriptions at the same time')
    .option('--connections <number>', 'connections at the same time')
    .option('--json', 'print the quotas as JSON')
    .action(async (subject: string, flags: Flags & SetQuotaFlags) => {
      const { setQuota } = await import('../commands/quota.ts');
      await setQuota(config(flags), subject, flags);
    });
};
