/** The flags that say what a job is: those of `run` and `submit`. */

import type { Command } from 'commander';
import { collect } from './add.ts';

export const withJobFlags = (command: Command): Command =>
  command
    // What follows the first word of a command is the command's own.
    .passThroughOptions()
    .argument(
      '[command...]',
      'one string for /bin/sh -c, or a program and its arguments; flags come before it',
    )
    .option('--image <name>', 'root filesystem of the cell')
    .option(
      '-e, --env <NAME[=VALUE]>',
      'environment variable, without a value that of the shell; may be repeated',
      collect,
    )
    .option('--env-file <file>', 'file of such variables, one a line; may be repeated', collect)
    .option('-w, --workdir <folder>', 'working directory in the cell')
    .option('-u, --user <user>', 'user[:group], names or numbers of the image')
    .option('--hostname <name>', 'hostname in the cell')
    .option(
      '--root-in-cell',
      'let root of the cell install packages, change owners and become other users there',
    )
    .option('--stdin <file>', 'file to feed to the command, or - for standard input')
    .option('-n, --name <name>', 'name of the job, for people')
    .option('-l, --label <KEY=VALUE>', 'label of the job; may be repeated', collect)
    .option('--cpus <number>', 'CPUs, such as 0.5')
    .option('--cpu-weight <number>', 'share where jobs want more CPU time than there is, others have 100')
    .option('--cpuset <list>', 'CPUs it may run on, such as 0-2,7')
    .option('--cpu-time <duration>', 'CPU time after which the job is ended, such as 10s')
    .option('-m, --memory <size>', 'memory, such as 512Mi')
    .option('--memory-high <size>', 'memory from which on the job is slowed down')
    .option('--swap <size>', 'swap, such as 0 or 1G')
    .option('--pids <count>', 'processes and threads at a time')
    .option('--disk <size>', 'writable disk space, such as 256Mi')
    .option('--inodes <count>', 'files and folders that may be made there')
    .option(
      '--io <limits>',
      'traffic with a disk, such as read-bps=10M,write-iops=100,device=/dev/sda; may be repeated',
      collect,
    )
    .option('--timeout <duration>', 'time after which the job is ended, such as 1h30m')
    .option('--output <size>', 'output that is kept, such as 64Mi')
    .option('--truncate', 'keep the beginning and the end of longer output, where it would end the job')
    .option('--priority <number>', 'from -100 to 100: of jobs that wait, the highest starts first')
    .option(
      '--start-after <time>',
      'do not start before this time, such as 2027-01-31T12:00:00Z or 10m from now',
    )
    .option('--retries <count>', 'further attempts when the command fails; each is a job of its own')
    .option('--backoff <duration>', 'before the second attempt, twice as long before each further one')
    .option('--idempotency-key <key>', 'sent again with the same key, it is the same job');
