/** The commands that show jobs. */

import type { Flags } from '../../config/config.ts';
import { type Add, collect, config, JOB } from './add.ts';

export const addReading = (add: Add): void => {
  add('status', "show a job's status", ['status @last', 'status --json nightly'])
    .argument('<job>', JOB)
    .option('--json', 'print the job as JSON')
    .action(async (id: string, flags: Flags & { json?: boolean }) => {
      const { status } = await import('../commands/status.ts');
      await status(config(flags), id, flags);
    });

  add('logs', 'print what a job has written: its stdout to stdout, its stderr to stderr', ['logs -f @last'])
    .argument('<job>', JOB)
    .option('-f, --follow', 'go on until the job has ended')
    .option('--tail <lines>', 'begin at the last so many lines')
    .option('--stream <name>', 'only stdout or only stderr')
    .option('--timestamps', 'put the time before each line')
    .option('--json', 'print each piece as a line of JSON; "bytes" is base64')
    .action(async (id: string, flags: Flags & { follow?: boolean }) => {
      const { logs } = await import('../commands/logs.ts');
      await logs(config(flags), id, flags);
    });

  add('usage', 'follow the resource usage of a job, a line at each interval, until it has ended', [
    'usage @last',
  ])
    .argument('<job>', JOB)
    .option('--interval <duration>', 'time between two lines, such as 1s (the default) or 500ms')
    .option('--json', 'print each as a line of JSON')
    .action(async (id: string, flags: Flags & { interval?: string; json?: boolean }) => {
      const { usage } = await import('../commands/usage.ts');
      await usage(config(flags), id, flags);
    });

  add('list', 'list jobs, newest first', ['list --status RUNNING'])
    .option('--status <status>', 'only jobs in this state, such as RUNNING; may be repeated', collect)
    .option('--limit <count>', 'at most so many', '20')
    .option('--json', 'print the jobs as JSON')
    .action(async (flags: Flags & { status?: string[]; limit: string; json?: boolean }) => {
      const { list } = await import('../commands/list.ts');
      await list(config(flags), flags);
    });
};
