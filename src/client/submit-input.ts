import { readFile } from 'node:fs/promises';
import { CliError } from './errors.ts';
import type { IoLimitInput, RetriesInput, SubmitJobInput } from './generated/operations.ts';

/** What `submit` and `run` were told, as commander hands it over. */
export interface SubmitFlags {
  readonly image?: string;
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly rootInCell?: boolean;
  readonly stdin?: string;
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
 * Tells the two apart by `--`: what follows it is an argument vector.
 *
 * @param words the words that are neither options nor `--`, in order
 * @param afterDashes how many of them followed `--`; `undefined` without it
 */
export const commandWords = (words: readonly string[], afterDashes: number | undefined): CommandWords => {
  const [command] = words;
  if (afterDashes !== undefined) {
    if (afterDashes === words.length && command !== undefined) return { argv: words };
    throw new CliError('give the command either as one string or as words after "--", not both');
  }
  if (words.length === 1 && command !== undefined) return { command };
  throw new CliError('give the command as one string ("ls -l /") or as words after "--" (-- ls -l /)');
};

/**
 * The input of `submitJob`. Sizes and durations go to the server as they were given.
 *
 * @throws CliError that names the flag, what was expected and what came
 */
export const submitInput = async (words: CommandWords, flags: SubmitFlags): Promise<SubmitJobInput> => ({
  ...words,
  image: flags.image,
  env: flags.env?.map((text) => {
    const [name, value] = pair('--env', 'NAME=VALUE', text);
    return { name, value };
  }),
  workdir: flags.workdir,
  user: flags.user,
  hostname: flags.hostname,
  capabilities: flags.rootInCell === true ? 'ROOT_IN_CELL' : undefined,
  stdin: flags.stdin === undefined ? undefined : await stdinText(flags.stdin),
  name: flags.name,
  labels: flags.label?.map((text) => {
    const [key, value] = pair('--label', 'KEY=VALUE', text);
    return { key, value };
  }),
  priority: flags.priority === undefined ? undefined : priority(flags.priority),
  startAfter: flags.startAfter,
  retries: retries(flags),
  idempotencyKey: flags.idempotencyKey,
  limits: {
    cpus: flags.cpus === undefined ? undefined : number('--cpus', 'a number such as 0.5', flags.cpus),
    cpuWeight: flags.cpuWeight === undefined ? undefined : whole('--cpu-weight', flags.cpuWeight),
    cpuset: flags.cpuset,
    cpuTime: flags.cpuTime,
    memory: flags.memory,
    memoryHigh: flags.memoryHigh,
    swap: flags.swap,
    pids: flags.pids === undefined ? undefined : whole('--pids', flags.pids),
    disk: flags.disk,
    inodes: flags.inodes === undefined ? undefined : whole('--inodes', flags.inodes),
    io: flags.io?.map(ioLimit),
    timeout: flags.timeout,
    output: flags.output,
    outputPolicy: flags.truncate === true ? 'TRUNCATE' : undefined,
  },
});

const retries = ({ retries: limit, backoff }: SubmitFlags): RetriesInput | undefined => {
  if (limit !== undefined) return { limit: whole('--retries', limit), backoff };
  if (backoff === undefined) return undefined;
  throw new CliError('--backoff: expected --retries beside it');
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
  const count = (name: string): number | undefined => {
    const value = take(name);
    return value === undefined ? undefined : whole(`--io ${name}`, value);
  };
  const limit = {
    device: take('device'),
    readBps: take('read-bps'),
    writeBps: take('write-bps'),
    readIops: count('read-iops'),
    writeIops: count('write-iops'),
  };
  if (parts.size > 0) throw expected('--io', what, text);
  return limit;
};

/** A whole number from 0 to 2^31 - 1, which is what GraphQL's `Int` holds. */
export const whole = (flag: string, text: string): number => {
  if (/^\d{1,10}$/.test(text) && Number(text) <= 0x7fff_ffff) return Number(text);
  throw expected(flag, 'a whole number from 0 to 2147483647', text);
};

const priority = (text: string): number => {
  if (/^-?\d{1,3}$/.test(text)) return Number(text);
  throw expected('--priority', 'a whole number from -100 to 100', text);
};

const number = (flag: string, what: string, text: string): number => {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw expected(flag, what, text);
};

const pair = (flag: string, what: string, text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at < 1) throw expected(flag, what, text);
  return [text.slice(0, at), text.slice(at + 1)];
};

const stdinText = async (file: string): Promise<string> => {
  const bytes = file === '-' ? await readAll(process.stdin) : await readNamed(file);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CliError(`--stdin: expected text in UTF-8, got something else from ${JSON.stringify(file)}`);
  }
};

const readNamed = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file);
  } catch (error) {
    throw new CliError(`--stdin: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};

const readAll = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const expected = (flag: string, what: string, got: string): CliError =>
  new CliError(`${flag}: expected ${what}, got ${JSON.stringify(got)}`);
