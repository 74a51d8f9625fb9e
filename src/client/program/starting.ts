/** The commands that start jobs. */

import type { Command } from 'commander';
import type { Flags } from '../../config/config.ts';
import type { AttachFlags } from '../commands/attach.ts';
import type { BenchFlags } from '../commands/bench.ts';
import type { ExecFlags } from '../commands/exec.ts';
import type { RunFlags } from '../commands/run.ts';
import type { RunOnceFlags } from '../commands/run-once.ts';
import { CliError } from '../errors.ts';
import { type CommandWords, commandWords, type SubmitFlags } from '../submit-input.ts';
import { type Add, collect, config, JOB } from './add.ts';
import { withJobFlags } from './job-flags.ts';

/**
 * Declares the commands that submit jobs.
 *
 * @throws CliError, when a command is executed, for flags that exclude each other
 */
export const addStarting = (add: Add): void => {
  withJobFlags(
    add('submit', 'start a job and print its id', [
      'submit ./build.sh',
      "submit --timeout 2h --name nightly 'make && make install'",
    ]),
  )
    .option('--json', 'print the job as JSON')
    .action(async (words: string[], flags: SubmitFlags & Flags & { json?: boolean }, command: Command) => {
      const { submit } = await import('../commands/submit.ts');
      await submit(config(flags), split(command, words), flags);
    });

  withJobFlags(
    add('run', 'start a job, follow its output and exit as it does; Ctrl-C stops the job', [
      'run echo hi',
      'run --memory 64Mi --timeout 10s -e LANG=C sort -u < names',
      "run 'ls | wc -l'",
      'run -it sh',
      "run --artifact /out --artifact-dir . 'mkdir /out && date > /out/now'",
      'run --wait 10s --json make test | jq .job.exitCode',
    ]),
  )
    .addHelpText(
      'after',
      '\nExits with the code of the command, 128 + n if signal n ended it, 127 if it was not found, 126 if it cannot ' +
        'be\nexecuted, and 125 if there is no such code.',
    )
    .option('-i, --interactive', 'pass standard input on, even if it is a terminal')
    .option('-t, --tty', 'run the command on a terminal, connected to this one')
    .option(
      '--detach-keys <keys>',
      'keys that leave a terminal without ending the job; default ctrl-p,ctrl-q',
    )
    .option('--artifact-dir <dir>', 'folder that artifacts are downloaded to when the job has ended')
    .option('-q, --quiet', 'print nothing about the job itself')
    .option('-d, --detach', 'print the id and exit, as "submit" does')
    .option(
      '--wait <duration>',
      'with --json: wait at most this long for the end, such as 10s; exits with 124 if it has not come, and the job continues',
    )
    .option('--json', 'with --wait: print job, state, usage and output as one JSON document')
    .action(
      async (
        words: string[],
        flags: SubmitFlags & RunFlags & RunOnceFlags & Flags & { detach?: boolean },
        command: Command,
      ) => {
        if (flags.wait !== undefined || flags.json !== undefined) {
          const { runOnce } = await import('../commands/run-once.ts');
          process.exitCode = await runOnce(config(flags), split(command, words), flags);
          return;
        }
        if (flags.detach) {
          if (flags.artifactDir !== undefined) throw new CliError('--artifact-dir: expected without -d');
          const { submit } = await import('../commands/submit.ts');
          return submit(config(flags), split(command, words), flags);
        }
        const { run } = await import('../commands/run.ts');
        process.exitCode = await run(config(flags), split(command, words), flags);
      },
    );

  add('attach', 'connect this terminal to that of a job; the job continues after a detach', [
    'attach @last',
    'attach --detach-keys ctrl-a,d nightly',
  ])
    .argument('<job>', JOB)
    .addHelpText(
      'after',
      '\nExits with the code of the job, as "run" does, and with 0 when it is left by its keys.',
    )
    .option('--no-input', 'show only')
    .option('--detach-keys <keys>', 'keys that leave the job; default ctrl-p,ctrl-q')
    .action(async (job: string, flags: AttachFlags & Flags) => {
      const { attach } = await import('../commands/attach.ts');
      process.exitCode = await attach(config(flags), job, flags);
    });

  add('exec', 'run another command in the cell of a job, follow its output and exit as it does', [
    'exec @last ps',
    'exec -it nightly -- sh',
  ])
    .passThroughOptions()
    .argument('<job>', JOB)
    .argument('[command...]', 'as of "run"; flags come before the job')
    .option('-e, --env <NAME[=VALUE]>', 'environment variable; may be repeated', collect)
    .option('--env-file <file>', 'file of such variables, one per line; may be repeated', collect)
    .option('-w, --workdir <folder>', 'working directory in the cell')
    .option('-u, --user <user>', 'user[:group]; default: that of the job')
    .option('-i, --interactive', 'pass standard input on, even if it is a terminal')
    .option('-t, --tty', 'run the command on a terminal, connected to this one')
    .option(
      '--detach-keys <keys>',
      'keys that leave a terminal without ending the command; default ctrl-p,ctrl-q',
    )
    .option('-q, --quiet', 'print nothing about the command itself')
    .option('-d, --detach', 'print the id of the command, which is a job, and exit')
    .action(async (job: string, words: string[], flags: ExecFlags & Flags) => {
      const { exec } = await import('../commands/exec.ts');
      // After the job, commander takes a "--" for a word of the command.
      const literal = words[0] === '--';
      const command = commandWords(literal ? words.slice(1) : words, literal);
      process.exitCode = await exec(config(flags), job, command, flags);
    });

  add('rerun', 'submit the input of an earlier job again, and follow the new job as "run" does', [
    'rerun @last',
    'rerun -d nightly',
  ])
    .argument('<job>', JOB)
    .option('-q, --quiet', 'print nothing about the job itself')
    .option('-d, --detach', 'print the id and exit')
    .action(async (job: string, flags: RunFlags & Flags & { detach?: boolean }) => {
      const { rerun } = await import('../commands/rerun.ts');
      process.exitCode = await rerun(config(flags), job, flags);
    });

  add('bench', 'run many small jobs, and print how long each took until its first output and its end', [
    'bench',
    'bench --mode burst --count 500 --json',
    'bench --image debian -- python3 -c "print(1)"',
  ])
    .passThroughOptions()
    .argument('[command...]', 'as of "run"; default: echo hello')
    .option('-n, --count <count>', 'jobs of each mode, at most 1000', '100')
    .option(
      '--mode <mode>',
      'sequential (each when the one before has ended), staggered (one every interval) or burst (all at once); may be repeated; default: all three',
      collect,
    )
    .option('--interval <duration>', 'time between two jobs of staggered', '200ms')
    .option('--image <name>', 'image of the jobs; default: that of the server')
    .option('--keep', 'do not delete the jobs afterwards; they have a label "bench"')
    .option('--json', 'print the figures as JSON, in milliseconds')
    .addHelpText('after', '\nExits with 1 if a job did not exit with 0.')
    .action(async (words: string[], flags: BenchFlags & Flags, command: Command) => {
      const { bench } = await import('../commands/bench.ts');
      const given = words.length === 0 ? undefined : split(command, words);
      process.exitCode = await bench(config(flags), given, flags);
    });
};

/**
 * The words of the command. commander omits a `--` before them, but that is what makes a single word a program and not
 * a line for the shell; a `--` after the first word is a word like any other.
 */
const split = (command: Command, words: readonly string[]): CommandWords => {
  let program: Command & { readonly rawArgs?: readonly string[] } = command;
  while (program.parent !== null) program = program.parent;
  return commandWords(words, program.rawArgs?.at(-words.length - 1) === '--');
};
