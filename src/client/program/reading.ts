/** The commands that show jobs. */

import type { Command } from 'commander';
import type { Flags } from '../../config/config.ts';
import type { ArtifactsFlags } from '../commands/artifacts.ts';
import type { FilterFlags } from '../job-filter.ts';
import { FORMAT_HELP, type ListFlags } from '../row-format.ts';
import { type Add, collect, config, JOB } from './add.ts';

/** Declares the commands that show jobs, their logs and events. */
export const addReading = (add: Add): void => {
  add('status', 'show the status of jobs', ['status @last', 'status --json nightly'])
    .argument('<jobs...>', JOB)
    .option('--json', 'print each job as JSON')
    .action(async (jobs: string[], flags: Flags & { json?: boolean }) => {
      const { status } = await import('../commands/status.ts');
      process.exitCode = await status(config(flags), jobs, flags);
    });

  add('logs', 'print the output of a job: its stdout to stdout, its stderr to stderr', [
    'logs -f @last',
    'logs -t -n 100 nightly',
    "logs --since 10m --until 5m --grep 'connection refused' --stream stderr nightly",
    "logs -f -C 2 --regex --grep 'error|warn(ing)?' nightly",
    'logs -f $(cloister list -q --status RUNNING)',
  ])
    .argument('<jobs...>', `${JOB}; with several, each line has a prefix`)
    .option('-f, --follow', 'continue until the job has ended')
    .option('--line <number>', 'start at the line of this number, counted from 1')
    .option('-n, --tail <lines>', 'start this many lines before the end')
    .option('--since <time>', 'start with the output at this time, such as 2027-01-31T12:00:00Z or 10m ago')
    .option('--until <time>', 'end with the output at this time')
    .option('--grep <text>', 'only lines that contain this text; the server searches')
    .option('--regex', 'the text of --grep is a regular expression, in the syntax of RE2')
    .option('-C, --context <lines>', 'with --grep, also this many lines before and after each')
    .option('--stream <name>', 'only stdout, stderr or terminal')
    .option('--raw', 'with --stream: write its bytes unchanged to stdout, whichever stream it is')
    .option('-t, --timestamps', 'put the time before each line')
    .option('--json', 'print each piece as a line of JSON; "bytes" is base64')
    .action(async (jobs: string[], flags: Flags) => {
      const { logs } = await import('../commands/logs.ts');
      await logs(config(flags), jobs, flags);
    });

  add('replay', 'play the output of a job at the pace at which it was written, or make an asciicast of it', [
    'replay @last',
    'replay --speed 4 --from 1m --max-idle 2s nightly',
    'replay --cast session.cast @last && asciinema play session.cast',
  ])
    .argument('<job>', JOB)
    .option('--speed <factor>', 'how many times as fast, from 0.01 to 1000', '1')
    .option(
      '--from <duration>',
      'begin this long after the beginning, such as 1m; terminals get what was before at once',
    )
    .option('--max-idle <duration>', 'shorten pauses to this, such as 2s')
    .option('--cast <file>', 'write an asciicast (version 2) to this file instead; - for standard output')
    .action(async (id: string, flags: Flags) => {
      const { replay } = await import('../commands/replay.ts');
      await replay(config(flags), id, flags);
    });

  add('artifacts', 'list what was kept of a job, or download it', [
    'artifacts @last',
    'artifacts --download out @last report.html',
  ])
    .argument('<job>', JOB)
    .argument('[names...]', 'names of the artifacts; default: all')
    .option('--download <dir>', 'folder to write them to, replacing files of the same names')
    .option('--json', 'print them as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (job: string, names: string[], flags: Flags & ArtifactsFlags) => {
      const { artifacts } = await import('../commands/artifacts.ts');
      process.exitCode = await artifacts(config(flags), job, names, flags);
    });

  add('usage', 'follow the resource usage of a job, one line per interval, until it has ended', [
    'usage @last',
  ])
    .argument('<job>', JOB)
    .option('--interval <duration>', 'time between two lines, such as 1s (the default) or 500ms')
    .option('--json', 'print each as a line of JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (id: string, flags: Flags & ListFlags & { interval?: string }) => {
      const { usage } = await import('../commands/usage.ts');
      await usage(config(flags), id, flags);
    });

  withFilterFlags(
    add('list', 'list jobs, newest first', [
      'list --failed --since 1h',
      'list --label ci=nightly --watch',
      "list --format '{{.id}} {{.status}} {{.exitCode}}'",
      'list -q --status RUNNING | xargs -r cloister stop',
    ]),
  )
    .option('-n, --limit <count>', 'most jobs to list', '20')
    .option('-q, --quiet', 'print only the ids')
    .option('--watch', 'refresh whenever one of them changes, until Ctrl-C')
    .option('--json', 'print the jobs as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(
      async (
        flags: Flags & FilterFlags & { limit: string; quiet?: boolean; watch?: boolean; json?: boolean },
      ) => {
        const { list } = await import('../commands/list.ts');
        await list(config(flags), flags);
      },
    );

  add('wait', 'wait until jobs have ended; exits as "run" would, for the first that did not end with 0', [
    'wait @last',
    'wait $(cloister list -q --label ci=nightly) && echo all well',
  ])
    .argument('<jobs...>', JOB)
    .option('--json', 'print the jobs as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (jobs: string[], flags: Flags & { json?: boolean }) => {
      const { wait } = await import('../commands/wait.ts');
      process.exitCode = await wait(config(flags), jobs, flags);
    });

  withFilterFlags(
    add('events', 'follow the state changes of jobs, one per line, until Ctrl-C', [
      'events --failed',
      'events --after 0 --json | jq .job.id',
    ]),
  )
    .option('--after <cursor>', 'begin after this cursor of an earlier event; 0 replays all that are stored')
    .option('--json', 'print each as a line of JSON, with its cursor')
    .option('--format <template>', FORMAT_HELP)
    .action(async (flags: Flags & FilterFlags & { after?: string; json?: boolean }) => {
      const { events } = await import('../commands/events.ts');
      await events(config(flags), flags);
    });

  add('top', 'show what running jobs use, until Ctrl-C', ['top', 'top --once'])
    .option('--interval <duration>', 'time between two refreshes', '2s')
    .option('--once', 'look once')
    .option('--json', 'measure once, and print the jobs with their usage as JSON')
    .option('--format <template>', `measure once, and ${FORMAT_HELP}`)
    .action(async (flags: Flags & ListFlags & { interval: string; once?: boolean }) => {
      const { top } = await import('../commands/top.ts');
      await top(config(flags), flags);
    });
};

/** Adds the flags that select jobs. */
export const withFilterFlags = (command: Command): Command =>
  command
    .option('--status <status>', 'only jobs in this state, such as RUNNING; may be repeated', collect)
    .option(
      '--failed',
      'only jobs that failed: an exit code other than 0, a signal, a limit, or status LOST or FAILED',
    )
    .option('-l, --label <KEY=VALUE>', 'only jobs with this label')
    .option('--name <name>', 'only jobs of this name')
    .option('--since <time>', 'only jobs submitted since this time, such as 2027-01-31T12:00:00Z or 10m ago');
