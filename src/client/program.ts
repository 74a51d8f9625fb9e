import type { Command } from 'commander';
import { type ClientConfig, clientSettings, type Flags, parseClientConfig } from '../config/config.ts';
import { withSettings } from '../config/flags.ts';
import { type CommandWords, commandWords, type SubmitFlags } from './submit-input.ts';

/** Adds the commands that talk to a server. What carries one out is loaded when it is called. */
export const addClientCommands = (program: Command): void => {
  const add = (name: string, description: string): Command =>
    withSettings(program.command(name).description(description), clientSettings);

  withJobFlags(add('submit', 'start a job and print its id'))
    .option('--json', 'print the job as JSON')
    .action(async (words: string[], flags: SubmitFlags & Flags & { json?: boolean }) => {
      const { submit } = await import('./commands/submit.ts');
      await submit(config(flags), split(program, words), flags);
    });

  withJobFlags(add('run', 'start a job, follow its output and exit as it does; Ctrl-C stops the job'))
    .addHelpText(
      'after',
      '\nExits with the code of the command, 128 + n when signal n ended it, and 125 when there is no such code.',
    )
    .action(async (words: string[], flags: SubmitFlags & Flags) => {
      const { run } = await import('./commands/run.ts');
      process.exitCode = await run(config(flags), split(program, words), flags);
    });

  add('status', 'tell how a job fares')
    .argument('<id>', 'id of the job')
    .option('--json', 'print the job as JSON')
    .action(async (id: string, flags: Flags & { json?: boolean }) => {
      const { status } = await import('./commands/status.ts');
      await status(config(flags), id, flags);
    });

  add('logs', 'print what a job has written: its stdout to stdout, its stderr to stderr')
    .argument('<id>', 'id of the job')
    .option('-f, --follow', 'go on until the job has ended')
    .option('--tail <lines>', 'begin at the last so many lines')
    .option('--stream <name>', 'only stdout or only stderr')
    .option('--timestamps', 'put the time before each line')
    .option('--json', 'print each piece as a line of JSON; "bytes" is base64')
    .action(async (id: string, flags: Flags & { follow?: boolean }) => {
      const { logs } = await import('./commands/logs.ts');
      await logs(config(flags), id, flags);
    });

  add('stop', 'stop a job: SIGTERM, then SIGKILL after the grace period; returns when it has ended')
    .argument('<id>', 'id of the job')
    .option('--grace <duration>', 'time between the two, such as 10s (the default) or 500ms')
    .option('--json', 'print the job as JSON')
    .action(async (id: string, flags: Flags & { grace?: string; json?: boolean }) => {
      const { stop } = await import('./commands/stop.ts');
      await stop(config(flags), id, flags);
    });

  add('pause', 'bring a running job to a stand; returns when it has come to one')
    .argument('<id>', 'id of the job')
    .option('--json', 'print the job as JSON')
    .action(async (id: string, flags: Flags & { json?: boolean }) => {
      const { pause } = await import('./commands/pause.ts');
      await pause(config(flags), id, flags);
    });

  add('resume', 'let a paused job go on')
    .argument('<id>', 'id of the job')
    .option('--json', 'print the job as JSON')
    .action(async (id: string, flags: Flags & { json?: boolean }) => {
      const { resume } = await import('./commands/resume.ts');
      await resume(config(flags), id, flags);
    });

  add('signal', 'send a signal to the command of a running job')
    .argument('<id>', 'id of the job')
    .argument('<signal>', 'name or number, such as SIGUSR1 or 10')
    .option('--json', 'print the job as JSON')
    .action(async (id: string, signal: string, flags: Flags & { json?: boolean }) => {
      const { signal: send } = await import('./commands/signal.ts');
      await send(config(flags), id, signal, flags);
    });

  add('usage', 'follow what a job consumes, a line at each interval, until it has ended')
    .argument('<id>', 'id of the job')
    .option('--interval <duration>', 'time between two lines, such as 1s (the default) or 500ms')
    .option('--json', 'print each as a line of JSON')
    .action(async (id: string, flags: Flags & { interval?: string; json?: boolean }) => {
      const { usage } = await import('./commands/usage.ts');
      await usage(config(flags), id, flags);
    });

  add('delete', 'delete jobs that have ended, with their logs; prints their ids')
    .argument('<ids...>', 'ids of the jobs')
    .action(async (ids: string[], flags: Flags) => {
      const { remove } = await import('./commands/delete.ts');
      await remove(config(flags), ids);
    });

  for (const [name, pinned, description] of [
    ['pin', true, 'keep a job, however old it is'],
    ['unpin', false, 'let a job go that was pinned'],
  ] as const)
    add(name, description)
      .argument('<id>', 'id of the job')
      .option('--json', 'print the job as JSON')
      .action(async (id: string, flags: Flags & { json?: boolean }) => {
        const { pin } = await import('./commands/pin.ts');
        await pin(config(flags), id, pinned, flags);
      });

  add('list', 'list jobs, newest first')
    .option('--status <status>', 'only jobs in this state, such as RUNNING; may be repeated', collect)
    .option('--limit <count>', 'at most so many', '20')
    .option('--json', 'print the jobs as JSON')
    .action(async (flags: Flags & { status?: string[]; limit: string; json?: boolean }) => {
      const { list } = await import('./commands/list.ts');
      await list(config(flags), flags);
    });
};

const config = (flags: Flags): ClientConfig => parseClientConfig(flags, process.env);

const withJobFlags = (command: Command): Command =>
  command
    .argument('[command...]', 'one string for /bin/sh -c, or words after "--" that are executed as they are')
    .option('--image <name>', 'root filesystem of the cell')
    .option('--env <NAME=VALUE>', 'environment variable; may be repeated', collect)
    .option('--workdir <folder>', 'working directory in the cell')
    .option('--user <user>', 'name, or uid[:gid], in the cell')
    .option('--hostname <name>', 'hostname in the cell')
    .option(
      '--root-in-cell',
      'let root of the cell install packages, change owners and become other users there',
    )
    .option('--stdin <file>', 'text to feed to the command; - takes it from stdin')
    .option('--name <name>', 'name of the job, for people')
    .option('--label <KEY=VALUE>', 'label of the job; may be repeated', collect)
    .option('--cpus <number>', 'CPUs, such as 0.5')
    .option('--cpu-weight <number>', 'share where jobs want more CPU time than there is, others have 100')
    .option('--cpuset <list>', 'CPUs it may run on, such as 0-2,7')
    .option('--cpu-time <duration>', 'CPU time after which the job is ended, such as 10s')
    .option('--memory <size>', 'memory, such as 512Mi')
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
    .option('--start-after <time>', 'do not start before this time, such as 2027-01-31T12:00:00Z')
    .option('--retries <count>', 'further attempts when the command fails; each is a job of its own')
    .option('--backoff <duration>', 'before the second attempt, twice as long before each further one')
    .option('--idempotency-key <key>', 'sent again with the same key, it is the same job')
    .showHelpAfterError('(to run words as they are put "--" first: cloister run -- ls -l /)');

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** commander leaves `--` out of the words, but it is what tells a command line from an argument vector. */
const split = (
  program: Command & { readonly rawArgs?: readonly string[] },
  words: readonly string[],
): CommandWords => {
  const raw = program.rawArgs ?? [];
  const dashes = raw.indexOf('--');
  return commandWords(words, dashes === -1 ? undefined : raw.length - dashes - 1);
};
