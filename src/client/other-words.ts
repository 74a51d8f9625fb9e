/** What people who know docker, kubectl or gh type, and what it is here. */

type Words = Readonly<Record<string, string>>;

const NO_NETWORK = 'a job has no network';
const NO_FOLDER = 'a job sees no folder of the host: "--file LOCAL:PATH" gives it a copy';
const LISTS_ALL = '"cloister list" lists jobs, running and ended ones';

/** Unknown commands, by what comes before them: nothing, or a command that has others below it. */
const COMMANDS: Readonly<Record<string, Words>> = {
  '': {
    auth: '"cloister login URL" signs in to a server, "cloister token" manages tokens',
    build: '"cloister image import FILE" adds an image that another program has built',
    cancel: '"cloister stop JOB" stops a job',
    commit: '"cloister image save JOB NAME" makes an image of what a job has changed',
    container: LISTS_ALL,
    context: '"cloister profile" chooses between servers',
    create: '"cloister submit" starts a job and prints its id',
    describe: '"cloister status JOB" shows a job',
    export:
      '"cloister cp -r JOB:/PATH DIR" copies files of a running job, "--artifact" keeps them at its end',
    get: '"cloister list" lists jobs, "cloister status JOB" shows one',
    images: '"cloister image list" lists images',
    import: '"cloister image import FILE" adds an image',
    info: '"cloister doctor" checks this machine',
    inspect: '"cloister status --json JOB" shows a job',
    job: LISTS_ALL,
    jobs: '"cloister list" lists jobs',
    kill: '"cloister signal JOB KILL" kills the command, "cloister stop --grace 0s JOB" the whole cell',
    load: '"cloister image import FILE" adds an image',
    ls: '"cloister list" lists jobs',
    network: NO_NETWORK,
    port: NO_NETWORK,
    'port-forward': NO_NETWORK,
    ps: LISTS_ALL,
    pull: '"cloister image pull IMAGE" adds an image of a registry',
    remove: '"cloister delete JOB" deletes a job that has ended',
    restart: '"cloister rerun JOB" runs the same again as a new job',
    rm: '"cloister delete JOB" deletes a job that has ended',
    rmi: '"cloister image rm NAME" removes an image',
    save: '"cloister image save JOB NAME" makes an image of what a job has changed',
    start: '"cloister run" and "cloister submit" start a job, "cloister rerun JOB" starts the same again',
    stats: '"cloister top" shows what jobs use, "cloister usage JOB" what one uses',
    system: '"cloister prune" deletes jobs that have ended, "cloister image prune" removes images',
    unpause: '"cloister resume JOB" lets a paused job continue',
    update: 'the limits of a job cannot be changed',
    version: '"cloister --version" prints the version',
    view: '"cloister status JOB" shows a job',
    volume: NO_FOLDER,
    watch: '"cloister list --watch" shows all jobs, "cloister logs -f JOB" follows one',
  },
  image: {
    build: '"cloister image import FILE" adds an image that another program has built',
    delete: '"cloister image rm NAME" removes an image',
    load: '"cloister image import FILE" adds an image',
    ls: '"cloister image list" lists images',
    remove: '"cloister image rm NAME" removes an image',
  },
  profile: { ls: '"cloister profile list" lists the servers', rm: '"cloister logout" forgets a server' },
  quota: { ls: '"cloister quota list" lists quotas' },
  token: {
    delete: '"cloister token revoke ID" revokes a token',
    ls: '"cloister token list" lists tokens',
    rm: '"cloister token revoke ID" revokes a token',
  },
};

/** Of the commands that start something in a cell. */
const STARTING: Words = {
  '--add-host': NO_NETWORK,
  '--cap-add': '"--root-in-cell" gives root of the cell its capabilities',
  '--cap-drop': 'a command has no capabilities unless "--root-in-cell" is given',
  '--cpu-shares': 'it is "--cpu-weight", where 100 is the default',
  '--cpuset-cpus': 'it is "--cpuset"',
  '--device': 'a job sees no device of the host',
  '--dns': NO_NETWORK,
  '--entrypoint': 'an image has none: the first word is the program',
  '--gpus': 'a job sees no device of the host',
  '--init': 'every cell has an init',
  '--ipc': 'every cell has an IPC namespace of its own',
  '--memory-reservation': 'it is "--memory-high", above which a job is throttled',
  '--memory-swap': 'it is "--swap", without the memory',
  '--mount': NO_FOLDER,
  '--net': NO_NETWORK,
  '--network': NO_NETWORK,
  '--pid': 'every cell has a PID namespace of its own',
  '--pids-limit': 'it is "--pids"',
  '--privileged': 'there is no such thing; "--root-in-cell" gives root of the cell its capabilities',
  '--publish': 'nothing outside can connect to a job',
  '--publish-all': 'nothing outside can connect to a job',
  '--pull': '"cloister image pull" adds an image before it is used',
  '--read-only': 'what a job changes of its root is its own, and gone when it ends',
  '--restart': 'it is "--retries"',
  '--rm': 'a job stays until retention or "cloister delete" removes it',
  '--stop-timeout': 'it is "--grace" of "cloister stop"',
  '--tmpfs': 'a job can write to its root, within "--disk"',
  '--userns': 'every cell has a user namespace of its own',
  '--volume': NO_FOLDER,
  '-P': 'nothing outside can connect to a job',
  '-p': 'nothing outside can connect to a job',
  '-v': NO_FOLDER,
};

const STOPPED_HOW = '"--stop-signal" of "cloister run" says which signal stops a job';
const ENDED_ONLY = 'a running job has to be stopped first: "cloister stop JOB"';
const FILTERS = 'it is "--status", "--label", "--name" or "--failed"';

/** Unknown flags, by the command. */
const FLAGS: Readonly<Record<string, Words>> = {
  '': { '-v': 'it is "--version"', '-V': 'it is "--version"' },
  api: { '--jq': '"--get" prints the values at a path; for more, pipe the answer into jq' },
  attach: { '--no-stdin': 'it is "--no-input"' },
  cp: { '-a': 'it is "-r"', '--archive': 'it is "-r"' },
  delete: {
    '--all': '"cloister prune" deletes all jobs that have ended',
    '--force': ENDED_ONLY,
    '-f': ENDED_ONLY,
  },
  exec: STARTING,
  list: {
    '--all': LISTS_ALL,
    '--filter': FILTERS,
    '--last': 'it is "-n"',
    '--no-trunc': 'into a pipe, and with "--json", nothing is shortened',
    '-a': LISTS_ALL,
    '-f': FILTERS,
  },
  run: STARTING,
  signal: {
    '--signal': 'the signal comes after the job: "cloister signal JOB INT"',
    '-s': 'the signal comes after the job: "cloister signal JOB INT"',
  },
  status: {
    '--format': 'it is "--json", or "cloister list --format"',
    '-f': 'it is "--json", or "cloister list --format"',
  },
  stop: {
    '--signal': STOPPED_HOW,
    '--time': 'it is "--grace", such as "--grace 5s"',
    '--timeout': 'it is "--grace", such as "--grace 5s"',
    '-s': STOPPED_HOW,
    '-t': 'it is "--grace", such as "--grace 5s"',
  },
  submit: STARTING,
  top: { '--no-stream': 'it is "--once"' },
};

/**
 * A message of commander, with what the unknown word is here instead of words that look like it.
 *
 * @param args the arguments of the program
 */
export const inOtherWords = (message: string, args: readonly string[]): string => {
  const [, kind, word = ''] = /unknown (command|option) '([^'=]+)/.exec(message) ?? [];
  if (kind === undefined) return message;
  const [first = ''] = args;
  const table =
    kind === 'command' ? COMMANDS[first === word ? '' : first] : FLAGS[/^-/.test(first) ? '' : first];
  const hint = table !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
  return hint === undefined ? message : `${message.split('\n', 1)[0]}: ${hint}\n`;
};
