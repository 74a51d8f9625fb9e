/** What people who know docker, kubectl or gh type, and the equivalent command or flag. */

const COMMANDS: Readonly<Record<string, string>> = {
  cancel: '"cloister stop JOB" stops a job',
  create: '"cloister submit" starts a job and prints its id',
  describe: '"cloister status JOB" shows a job',
  get: '"cloister list" lists jobs, "cloister status JOB" shows one',
  images: '"cloister image list" lists images',
  info: '"cloister doctor" checks this machine',
  inspect: '"cloister status --json JOB" shows a job',
  jobs: '"cloister list" lists jobs',
  kill: '"cloister signal JOB KILL" kills the command, "cloister stop --grace 0s JOB" the whole cell',
  ls: '"cloister list" lists jobs',
  ps: '"cloister list" lists jobs, running and ended ones',
  remove: '"cloister delete JOB" deletes a job that has ended',
  restart: '"cloister rerun JOB" runs the same again as a new job',
  rm: '"cloister delete JOB" deletes a job that has ended',
  start: '"cloister run" and "cloister submit" start a job, "cloister rerun JOB" starts the same again',
  stats: '"cloister top" shows what jobs use, "cloister usage JOB" what one uses',
  unpause: '"cloister resume JOB" lets a paused job continue',
  version: '"cloister --version" prints the version',
  view: '"cloister status JOB" shows a job',
  watch: '"cloister list --watch" shows all jobs, "cloister logs -f JOB" follows one',
};

/** Of `run` and `submit`, and of `api`. */
const FLAGS: Readonly<Record<string, string>> = {
  '--cap-add': '"--root-in-cell" gives root of the cell its capabilities',
  '--cpu-shares': 'it is "--cpu-weight", where 100 is the default',
  '--cpuset-cpus': 'it is "--cpuset"',
  '--entrypoint': 'an image has none: the first word is the program',
  '--init': 'every cell has an init',
  '--jq': '"--get" prints the values at a path; for more, pipe the answer into jq',
  '--memory-swap': 'it is "--swap", without the memory',
  '--mount': 'a job sees no folder of the host',
  '--pids-limit': 'it is "--pids"',
  '--privileged': 'there is no such thing; "--root-in-cell" gives root of the cell its capabilities',
  '--publish': 'nothing outside can connect to a job',
  '--restart': 'it is "--retries"',
  '--rm': 'a job stays until retention or "cloister delete" removes it',
  '--stop-timeout': 'it is "--grace" of "cloister stop"',
  '--volume': 'a job sees no folder of the host',
  '-p': 'nothing outside can connect to a job',
  '-v': 'a job sees no folder of the host',
};

/** A message of commander, with the equivalent of the unknown word. */
export const inOtherWords = (message: string): string => {
  const [, kind, word = ''] = /unknown (command|option) '([^'=]+)/.exec(message) ?? [];
  const hint = kind === 'command' ? COMMANDS[word] : FLAGS[word];
  return kind === undefined || hint === undefined ? message : `${message.trimEnd()}: ${hint}\n`;
};
