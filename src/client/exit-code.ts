/** The exit code of `cloister run` for a job that has ended. */

import { signalNumber } from '../signals.ts';
import type { Job } from './job.ts';

/** The exit code of `cloister run`, and a sentence to print where the code alone would be misleading. */
export interface Ending {
  readonly code: number;
  readonly sentence?: string;
}

/** For a job that neither ended by itself nor was stopped by us. Shells leave 125 free for such use. */
export const NO_EXIT_CODE = 125;

/** As in shells and docker (POSIX.1-2024, XCU 2.8.2). */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** The command's exit code, 128 + n for a signal as in a shell, 127 or 126 when it could not be executed, else 125. */
export const ending = (job: Job): Ending => {
  const why = job.error === null ? '' : `: ${job.error}`;
  if (job.status === 'FAILED') {
    const code = failureCode(job);
    const hint = code === NOT_FOUND && isImage(job) ? IMAGE_HINT : '';
    return { code, sentence: `job ${job.id} could not run${why}${hint}` };
  }
  if (job.status === 'LOST') return { code: NO_EXIT_CODE, sentence: `job ${job.id} was lost${why}` };
  if (job.status === 'LIMIT_EXCEEDED') {
    return { code: NO_EXIT_CODE, sentence: `job ${job.id} exceeded its ${job.limitExceeded} limit${why}` };
  }
  if (job.exitCode !== null) return { code: job.exitCode };
  const number = job.signal === null ? undefined : signalNumber(job.signal);
  if (number !== undefined) return { code: 128 + number };
  return { code: NO_EXIT_CODE, sentence: `job ${job.id} was stopped before it ran` };
};

/**
 * Whether it was the command that could not be executed, from the server's reason (`explainFailure` in src/runtime):
 * `WHY: PROGRAM`, whereas other failures begin with what failed, such as `working directory: WHY`.
 */
const failureCode = ({ error, command, argv }: Job): number => {
  const [why = '', subject] = (error ?? '').split(': ', 2);
  const program = argv?.[0] ?? (command === null ? undefined : '/bin/sh');
  if (subject === undefined || program === undefined || !error?.startsWith(`${why}: ${program}`))
    return isInterpreter(error) ? NOT_FOUND : NO_EXIT_CODE;
  return why === 'no such file or directory' ? NOT_FOUND : NOT_EXECUTABLE;
};

const IMAGE_HINT = '. If that is an image: it is given by a flag, --image NAME, before the command';

/** Names of images that nobody calls a program. */
const DISTRIBUTIONS = ['alpine', 'archlinux', 'centos', 'debian', 'fedora', 'hello-world', 'nginx', 'ubuntu'];

/** Whether the first word is one for an image, which is where docker has it: `alpine ls`, `python:3.12 python`. */
const isImage = ({ argv, image }: Job): boolean => {
  const word = argv?.[0] ?? '';
  return (
    word === image || DISTRIBUTIONS.includes(word) || /^[a-z0-9][\w.-]*(\/[\w.-]+)*[:@/][\w.:-]+$/.test(word)
  );
};

/** A script whose interpreter does not exist: `no such file or directory: /bin/x, the interpreter of script`. */
const isInterpreter = (error: string | null): boolean =>
  /^no such file or directory: .*, the interpreter of /.test(error ?? '');
