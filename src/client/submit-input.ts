/** Turns the flags and words of `submit` and `run` into the input of `submitJob`. */

import { isUtf8 } from 'node:buffer';
import { isUnicode } from '../byte-text.ts';
import { base64 } from './base64.ts';
import { environment } from './environment.ts';
import { CliError } from './errors.ts';
import { duration, expected, isRelative, moment, number, pair, size, whole } from './flag-values.ts';
import type {
  ArtifactInput,
  IoLimitInput,
  RetriesInput,
  StopScope,
  SubmitJobInput,
} from './generated/operations.ts';
import { type LocalFile, localFiles } from './local-file.ts';
import { type JobStdin, ownStdin, readStdin, type StdinSource } from './stdin.ts';
import { ownSize } from './terminal-session.ts';

/** The flags of `submit` and `run`, as commander parses them. */
export interface SubmitFlags {
  readonly image?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly secretEnv?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly rootInCell?: boolean;
  readonly keepRoot?: boolean;
  readonly artifact?: readonly string[];
  readonly optionalArtifact?: readonly string[];
  readonly stopSignal?: string;
  readonly stopScope?: string;
  readonly file?: readonly string[];
  readonly stdin?: string;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly name?: string;
  readonly label?: readonly string[];
  readonly cpus?: string;
  readonly cpuWeight?: string;
  readonly cpuset?: string;
  readonly cpuTime?: string;
  readonly memory?: string;
  readonly memoryHigh?: string;
  readonly swap?: string;
  readonly pids?: string;
  readonly disk?: string;
  readonly inodes?: string;
  readonly io?: readonly string[];
  readonly timeout?: string;
  readonly output?: string;
  readonly truncate?: boolean;
  readonly priority?: string;
  readonly startAfter?: string;
  readonly retries?: string;
  readonly backoff?: string;
  readonly idempotencyKey?: string;
}

/** A shell command line, or an argument vector. */
export type CommandWords = { readonly command: string } | { readonly argv: readonly string[] };

/**
 * One word is a line for the shell; several words, or those after `--`, are an argument vector.
 *
 * @param words the words of the command, as they are
 * @param literal the words follow a `--`
 * @throws CliError when there are no words, or they look like flags after a command
 */
export const commandWords = (words: readonly string[], literal: boolean): CommandWords => {
  const [first] = words;
  if (first === undefined)
    throw new CliError('give a command: one string for the shell ("ls -l /"), or words (ls -l /)');
  if (literal) return { argv: words };
  if (words.length === 1) return { command: first };
  if (/\s/.test(first))
    throw new CliError(
      `expected flags before the command, got ${JSON.stringify(words[1])} after it. ` +
        `To run a program named ${JSON.stringify(first)}, put "--" before it`,
    );
  return { argv: words };
};

/** What is submitted, and what the job is fed while it runs. */
export interface Submission {
  readonly input: SubmitJobInput;
  readonly source: StdinSource | undefined;
  /** Files of this machine, which `filesInput` makes a part of the input. */
  readonly files: readonly LocalFile[];
}

/**
 * The input of `submitJob`. Sizes and durations are sent as they were given.
 *
 * @param own use our own standard input for the job, unless it is a terminal
 * @throws CliError that names the flag, what was expected and what was given
 */
export const submission = async (
  words: CommandWords,
  flags: SubmitFlags,
  { own, whole = false }: { readonly own: boolean; readonly whole?: boolean },
): Promise<Submission> => {
  const input = await inputOf(words, flags);
  const files = await localFiles(flags.file);
  if (flags.tty === true || flags.interactive === true) {
    for (const name of ['stdin', 'retries', 'idempotencyKey'] as const)
      if (flags[name] !== undefined)
        throw new CliError(
          `--${name === 'idempotencyKey' ? 'idempotency-key' : name}: cannot be used with -i or -t`,
        );
    if (flags.tty === true) return { input: { ...input, terminal: ownSize() }, source: undefined, files };
    return { input: { ...input, openStdin: true }, source: own ? ownStdin() : undefined, files };
  }
  // Last: reading standard input may take long, and a bad flag is reported first.
  const isWhole = whole || flags.retries !== undefined || flags.idempotencyKey !== undefined;
  const stdin = await readStdin({ named: flags.stdin, own, whole: isWhole });
  const source = stdin.kind === 'stream' ? stdin.source : undefined;
  return { input: { ...input, ...stdinInput(stdin) }, source, files };
};

/** The fields of an input that say what standard input is. */
export const stdinInput = (stdin: JobStdin): Pick<SubmitJobInput, 'stdin' | 'stdinBytes' | 'openStdin'> => {
  if (stdin.kind === 'none') return {};
  if (stdin.kind === 'stream') return { openStdin: true };
  const { content } = stdin;
  return isUtf8(content) ? { stdin: content.toString() } : { stdinBytes: content.toString('base64') };
};

const inputOf = async (words: CommandWords, flags: SubmitFlags): Promise<SubmitJobInput> => ({
  ...commandFields(words),
  image: flags.image,
  env: env(await environment(flags.envFile ?? [], flags.env ?? [], process.env, flags.secretEnv)),
  workdir: flags.workdir,
  user: flags.user,
  hostname: flags.hostname,
  capabilities: flags.rootInCell === true ? 'ROOT_IN_CELL' : undefined,
  keepRoot: flags.keepRoot,
  artifacts: artifactInputs(flags),
  stopSignal: flags.stopSignal,
  stopScope: optional(stopScope, '--stop-scope', flags.stopScope),
  name: flags.name,
  labels: flags.label?.map((text) => {
    const [key, value] = pair('--label', 'KEY=VALUE', text);
    return { key, value };
  }),
  priority: flags.priority === undefined ? undefined : priority(flags.priority),
  startAfter: startAfter(flags),
  retries: retries(flags),
  idempotencyKey: flags.idempotencyKey,
  limits: {
    cpus: flags.cpus === undefined ? undefined : number('--cpus', 'a number such as 0.5', flags.cpus),
    cpuWeight: optional(whole, '--cpu-weight', flags.cpuWeight),
    cpuset: flags.cpuset,
    cpuTime: optional(duration, '--cpu-time', flags.cpuTime),
    memory: optional(size, '--memory', flags.memory),
    memoryHigh: optional(size, '--memory-high', flags.memoryHigh),
    swap: optional(size, '--swap', flags.swap),
    pids: optional(whole, '--pids', flags.pids),
    disk: optional(size, '--disk', flags.disk),
    inodes: optional(whole, '--inodes', flags.inodes),
    io: flags.io?.map(ioLimit),
    timeout: optional(duration, '--timeout', flags.timeout),
    output: optional(size, '--output', flags.output),
    outputPolicy: flags.truncate === true ? 'TRUNCATE' : undefined,
  },
});

/** The fields of an input that say what runs. */
export const commandFields = (
  words: CommandWords,
): Pick<SubmitJobInput, 'command' | 'commandBytes' | 'argv' | 'argvBytes'> => {
  if ('argv' in words) return words.argv.every(isUnicode) ? words : { argvBytes: words.argv.map(base64) };
  return isUnicode(words.command) ? words : { commandBytes: base64(words.command) };
};

/** `PATH`, or `PATH:NAME`: what comes after the last colon is a name unless it has a slash. */
const artifactInputs = ({
  artifact = [],
  optionalArtifact = [],
}: SubmitFlags): readonly ArtifactInput[] | undefined => {
  const all = [
    ...artifact.map((text) => artifactInput(text)),
    ...optionalArtifact.map((text) => ({ ...artifactInput(text), optional: true })),
  ];
  return all.length === 0 ? undefined : all;
};

const artifactInput = (text: string): ArtifactInput => {
  const [, path = text, name] = /^(.+):([^/:]+)$/.exec(text) ?? [];
  return name === undefined ? { path } : { path, name };
};

const optional = <T>(read: (flag: string, text: string) => T, flag: string, text?: string): T | undefined =>
  text === undefined ? undefined : read(flag, text);

const STOP_SCOPES: readonly StopScope[] = ['COMMAND', 'GROUP', 'CELL'];

const stopScope = (flag: string, text: string): StopScope => {
  const scope = STOP_SCOPES.find((name) => name === text.toUpperCase());
  if (scope === undefined) throw expected(flag, 'command, group or cell', text);
  return scope;
};

const env = <T>(variables: readonly T[]): readonly T[] | undefined =>
  variables.length === 0 ? undefined : variables;

const retries = ({ retries: limit, backoff }: SubmitFlags): RetriesInput | undefined => {
  if (limit !== undefined)
    return { limit: whole('--retries', limit), backoff: optional(duration, '--backoff', backoff) };
  if (backoff === undefined) return undefined;
  throw new CliError('--backoff: expected together with --retries');
};

/** Limits of one disk: `read-bps=10M,device=/dev/sda`. */
const ioLimit = (text: string): IoLimitInput => {
  const what = 'NAME=VALUE with commas between, of device, read-bps, write-bps, read-iops and write-iops';
  const parts = new Map(text.split(',').map((part) => pair('--io', what, part)));
  const take = (name: string): string | undefined => {
    const value = parts.get(name);
    parts.delete(name);
    return value;
  };
  const count = (name: string): number | undefined => optional(whole, `--io ${name}`, take(name));
  const rate = (name: string): string | undefined => optional(size, `--io ${name}`, take(name));
  const limit = {
    device: take('device'),
    readBps: rate('read-bps'),
    writeBps: rate('write-bps'),
    readIops: count('read-iops'),
    writeIops: count('write-iops'),
  };
  if (parts.size > 0) throw expected('--io', what, text);
  return limit;
};

const priority = (text: string): number => {
  if (/^-?\d{1,3}$/.test(text)) return Number(text);
  throw expected('--priority', 'a whole number from -100 to 100', text);
};

const startAfter = ({ startAfter: text, idempotencyKey }: SubmitFlags): string | undefined => {
  if (text === undefined) return undefined;
  if (idempotencyKey !== undefined && isRelative(text))
    throw expected(
      '--start-after',
      'a time such as 2027-01-31T12:00:00Z together with --idempotency-key, because a time from now changes',
      text,
    );
  return moment('--start-after', 'ahead', text, Date.now());
};
