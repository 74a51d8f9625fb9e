/** The flags that say what a job is: those of `run` and `submit`. */

import type { Command } from 'commander';
import { collect } from './add.ts';

/** Adds the arguments and flags of a new job to a command. */
export const withJobFlags = (command: Command): Command =>
  command
    // Everything after the first word of a command belongs to the command.
    .passThroughOptions()
    .argument(
      '[command...]',
      'one string for /bin/sh -c, or a program and its arguments; flags come before it',
    )
    .option('--image <name>', 'root filesystem of the cell')
    .option(
      '-e, --env <NAME[=VALUE]>',
      "environment variable; without =VALUE, the shell's value; may be repeated",
      collect,
    )
    .option(
      '--secret-env <NAME[=VALUE]>',
      'the same, with a value that is never returned; may be repeated',
      collect,
    )
    .option('--env-file <file>', 'file of such variables, one per line; may be repeated', collect)
    .option('-w, --workdir <folder>', 'working directory in the cell')
    .option('-u, --user <user>', 'user[:group], names or numbers of the image')
    .option('--hostname <name>', 'hostname in the cell')
    .option(
      '--root-in-cell',
      'capabilities of root in the cell: to install packages, change owners and become other users there',
    )
    .option(
      '--artifact <PATH[:NAME]>',
      'file, folder or pattern of the cell to keep when the job has ended; may be repeated',
      collect,
    )
    .option('--optional-artifact <PATH[:NAME]>', 'the same, which may be missing', collect)
    .option('--keep-root', 'keep what the job changes of its root, for "cp" and "image save" after its end')
    .option('--stop-signal <signal>', 'signal that stops the job, such as INT; default TERM')
    .option(
      '--stop-scope <scope>',
      'which processes get it: command, group (the command and what it runs; default) or cell (all processes)',
    )
    .option(
      '--file <LOCAL:PATH>',
      'local file or folder for the cell, read-only there, with the permissions of its files; may be repeated',
      collect,
    )
    .option('--stdin <file>', 'file to feed to the command, or - for standard input')
    .option('-n, --name <name>', 'name of the job, for people')
    .option('-l, --label <KEY=VALUE>', 'label of the job; may be repeated', collect)
    .option('--cpus <number>', 'CPUs, such as 0.5')
    .option('--cpu-weight <number>', 'share of CPU time when jobs compete for it; the default is 100')
    .option('--cpuset <list>', 'CPUs it may run on, such as 0-2,7')
    .option('--cpu-time <duration>', 'CPU time after which the job is killed, such as 10s')
    .option('-m, --memory <size>', 'memory, such as 512Mi')
    .option('--memory-high <size>', 'memory above which the job is throttled, but not killed')
    .option('--swap <size>', 'swap, such as 0 or 1G')
    .option('--pids <count>', 'most processes and threads at once')
    .option('--disk <size>', 'writable disk space, such as 256Mi')
    .option('--inodes <count>', 'most files and folders that it may create')
    .option(
      '--io <limits>',
      'traffic with a disk, such as read-bps=10M,write-iops=100,device=/dev/sda; may be repeated',
      collect,
    )
    .option('--timeout <duration>', 'time after which the job is killed, such as 1h30m')
    .option('--output <size>', 'output that is kept, such as 64Mi')
    .option('--truncate', 'keep only the beginning and the end of longer output, instead of killing the job')
    .option('--priority <number>', 'from -100 to 100; of waiting jobs, the highest starts first')
    .option(
      '--start-after <time>',
      'do not start before this time, such as 2027-01-31T12:00:00Z or 10m from now',
    )
    .option('--retries <count>', 'further attempts when the command fails; each is a job of its own')
    .option('--backoff <duration>', 'delay before the second attempt, doubled before each further one')
    .option('--idempotency-key <key>', 'repeating the submission with the same key returns the same job');
