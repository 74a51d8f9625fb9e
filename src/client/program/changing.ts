/** The commands that change jobs. */

import type { Flags } from '../../config/config.ts';
import type { ShareFlags } from '../commands/share.ts';
import type { FilterFlags } from '../job-filter.ts';
import { FORMAT_HELP } from '../row-format.ts';
import { type Add, config, JOB } from './add.ts';
import { withFilterFlags } from './reading.ts';

type JsonFlags = Flags & { readonly json?: boolean };

/** Declares the commands that stop, pause, signal and delete jobs. */
export const addChanging = (add: Add): void => {
  add('stop', 'stop jobs: SIGTERM, then SIGKILL after the grace period; returns when they have ended', [
    'stop @last',
    'stop --grace 1m nightly weekly',
  ])
    .argument('<jobs...>', JOB)
    .option('--grace <duration>', 'time between the two, such as 10s (the default) or 500ms')
    .option('--json', 'print each job as JSON')
    .action(async (jobs: string[], flags: JsonFlags & { grace?: string }) => {
      const { stop } = await import('../commands/stop.ts');
      process.exitCode = await stop(config(flags), jobs, flags);
    });

  add('pause', 'freeze every process of running jobs; their timeouts do not advance while paused', [
    'pause @last',
  ])
    .argument('<jobs...>', JOB)
    .option('--json', 'print each job as JSON')
    .action(async (jobs: string[], flags: JsonFlags) => {
      const { pause } = await import('../commands/pause.ts');
      process.exitCode = await pause(config(flags), jobs, true, flags);
    });

  add('resume', 'let paused jobs continue', ['resume @last'])
    .argument('<jobs...>', JOB)
    .option('--json', 'print each job as JSON')
    .action(async (jobs: string[], flags: JsonFlags) => {
      const { pause } = await import('../commands/pause.ts');
      process.exitCode = await pause(config(flags), jobs, false, flags);
    });

  add('signal', 'send a signal to the command of a running job', ['signal nightly HUP'])
    .argument('<job>', JOB)
    .argument('<signal>', 'name or number, such as SIGUSR1 or 10')
    .option('--json', 'print the job as JSON')
    .action(async (id: string, signal: string, flags: JsonFlags) => {
      const { signal: send } = await import('../commands/signal.ts');
      await send(config(flags), id, signal, flags);
    });

  add('cp', 'copy files between this machine and the cell of a running job', [
    'cp input.csv @last:/data/',
    'cp nightly:/var/log/build.log .',
    'cp -r @last:/out results',
    'cp @last:/out/report.json - | jq .status',
  ])
    .argument('<source>', 'a local path, JOB:/PATH, or - for standard input')
    .argument(
      '<target>',
      'JOB:/PATH, a local path, or - for standard output; in a folder that exists, the same name',
    )
    .option('-r, --recursive', 'copy folders with what is in them')
    .action(async (source: string, target: string, flags: Flags & { recursive?: boolean }) => {
      const { cp } = await import('../commands/cp.ts');
      await cp(config(flags), source, target, flags);
    });

  add('delete', 'delete jobs that have ended, with their logs; prints their ids', ['delete @last'])
    .argument('<jobs...>', JOB)
    .action(async (jobs: string[], flags: Flags) => {
      const { remove } = await import('../commands/delete.ts');
      process.exitCode = await remove(config(flags), jobs);
    });

  withFilterFlags(
    add('prune', 'delete all jobs that match and have ended, with their logs; pinned ones stay', [
      'prune --until 7d',
      'prune --force --label ci=nightly',
    ]),
  )
    .option('--until <time>', 'only jobs submitted until this time, such as 2027-01-31T12:00:00Z or 7d ago')
    .option('-f, --force', 'do not ask')
    .action(async (flags: Flags & FilterFlags & { until?: string; force?: boolean }) => {
      const { prune } = await import('../commands/prune.ts');
      await prune(config(flags), flags);
    });

  for (const [name, pinned, description] of [
    ['pin', true, 'protect jobs from retention and deletion'],
    ['unpin', false, 'let retention remove jobs that were pinned'],
  ] as const)
    add(name, description, [`${name} @last`])
      .argument('<jobs...>', JOB)
      .option('--json', 'print each job as JSON')
      .action(async (jobs: string[], flags: JsonFlags) => {
        const { pin } = await import('../commands/pin.ts');
        process.exitCode = await pin(config(flags), jobs, pinned, flags);
      });

  add(
    'share',
    'create a link that shows a job and its log to everybody who has it; it is printed only once',
    ['share @last', 'share --expires 1h nightly', 'share --list nightly'],
  )
    .argument('<job>', JOB)
    .option('--expires <duration>', 'for how long, such as 1h; default 7d')
    .option('--list', 'list the links to the job instead')
    .option('--json', 'print the link, or the list, as JSON')
    .option('--format <template>', `with --list: ${FORMAT_HELP}`)
    .action(async (id: string, flags: Flags & ShareFlags) => {
      const { share } = await import('../commands/share.ts');
      await share(config(flags), id, flags);
    });

  add('unshare', 'revoke a link to a job', ['unshare 01a22347-354f-7214-ab23-00f646e51660'])
    .argument('<id>', 'id of the link, from "cloister share --list"')
    .action(async (id: string, flags: Flags) => {
      const { unshare } = await import('../commands/share.ts');
      await unshare(config(flags), id);
    });
};
