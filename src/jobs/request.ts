/** Checks a submission and makes the specification of the job from it. */
import { createHash } from 'node:crypto';
import { byteLengthOfText, textOfBytes } from '../byte-text.ts';
import type { TerminalSize } from '../runtime/log/page.ts';
import { signalName } from '../signals.ts';
import { checkArtifacts } from './artifact-request.ts';
import { badInput, type ClientError } from './errors.ts';
import { checkAll, checkEach, once, throwTogether } from './faults.ts';
import { checkFiles, type FindContent, parentsOf } from './input-files.ts';
import {
  type CapabilityProfile,
  type Command,
  type EnvVar,
  type Label,
  LONGEST_ARGUMENT_BYTES,
  type Retries,
  type WholeSpec,
} from './job.ts';
import { checkLimits } from './limits.ts';
import type { Image, RequestContext } from './offer.ts';
import { LONGEST_BACKOFF_MS } from './retry.ts';
import type { EnvVarRequest, SubmitRequest } from './service.ts';
import { checkSignal } from './signal.ts';
import { checkByteLength, checkCharacters, checkUnicode, LONGEST_PATH_BYTES } from './text-checks.ts';

export const DEFAULT_IMAGE = 'alpine';

const KIB = 1024;
const MIB = 1024 * KIB;

// Of all arguments and variables together execve(2) takes a quarter of the stack limit, 2 MiB with the usual 8.
const LONGEST_TOTAL = MIB;
const LONGEST_LINE = MIB;
// Each takes a pointer of the same quarter.
const MOST_STRINGS = 100_000;
const MOST_VARIABLES = 10_000;
const LONGEST_NAME = 256;
const MOST_LABELS = 64;
const LONGEST_HOSTNAME = 64;
const MOST_PRIORITY = 100;
/** Rows, or columns, of a terminal. Programs allocate memory for each of its characters. */
const MOST_CELLS = 4096;
const MOST_RETRIES = 100;
const DEFAULT_BACKOFF_MS = 1000;

/**
 * Checks a request and fills in the defaults.
 *
 * @param malformed faults of fields that are left out of the request because their values could not be read
 * @param find the contents that its files refer to
 * @throws ClientError `BAD_USER_INPUT` or `LIMIT_UNAVAILABLE`, with every field at fault
 */
export const checkRequest = (
  request: SubmitRequest,
  context: RequestContext,
  malformed: readonly ClientError[] = [],
  find: FindContent = () => undefined,
): WholeSpec => {
  checkCount(request);
  const image = once(() => checkImage(request.image, context));
  const command = once(() => checkCommand(request, malformed, () => image().files));
  const env = once(() => checkEnv(request.env ?? []));
  const user = once(() => checkUser(image().files, request.user, context));
  const { fields } = checkAll({
    malformed: () => throwTogether(malformed),
    fields: () =>
      checkAll({
        command,
        image: () => image().name,
        imageDigest: () => image().files.digest,
        env,
        total: () => checkTotal(command(), env()),
        stdin: () => checkStdin(request.stdin, context.mostStdinBytes),
        files: () =>
          checkFiles(request.files ?? [], digestOf, {
            image: () => image().files,
            find,
            mostInlineBytes: context.mostStdinBytes,
          }),
        name: () => checkText('input.name', request.name, LONGEST_NAME),
        workdir: () => checkWorkdir(image().files, request),
        user,
        hostname: () => checkHostname(request.hostname),
        capabilities: () => checkCapabilities(request.capabilities, image().files, user()),
        stopSignal: () => signalName(checkSignal('input.stopSignal', request.stopSignal ?? 'SIGTERM')),
        limits: () => checkLimits(request.limits ?? {}, context.limits, malformed),
        labels: () => checkLabels(request.labels ?? []),
        priority: () => checkPriority(request.priority),
        retries: () => checkRetries(request.retries, request.openStdin || request.terminal !== undefined),
        terminal: () => checkTerminal(request),
        artifacts: () => checkArtifacts(request.artifacts ?? []),
      }),
  });
  const { total: _, stdin, ...checked } = fields;
  return {
    ...checked,
    network: request.network ?? 'NONE',
    stopScope: request.stopScope ?? 'GROUP',
    stdinBytes: stdin,
    openStdin: request.openStdin ?? request.terminal !== undefined,
    keepRoot: request.keepRoot ?? false,
    startAfter: request.startAfter ?? null,
    attempt: 1,
    retryOf: null,
    execOf: null,
  };
};

const checkImage = (
  name = DEFAULT_IMAGE,
  context: RequestContext,
): { readonly name: string; readonly files: Image } => {
  const files = context.image(name);
  if (files === undefined) throw badInput('input.image', `one of ${context.imageNames.join(', ')}`, name);
  return { name, files };
};

/** Checked before anything looks at each string. */
const checkCount = ({ argv = [], env = [] }: SubmitRequest): void => {
  const count = argv.length + env.length;
  if (count > MOST_STRINGS)
    throw badInput('input', `at most ${MOST_STRINGS} items in argv and env together`, `${count}`);
  if (env.length > MOST_VARIABLES)
    throw badInput('input.env', `at most ${MOST_VARIABLES} variables`, `${env.length}`);
};

/** @param image throws for an image that does not exist, which is reported as a fault of its own */
const checkCommand = (
  { command, argv }: SubmitRequest,
  malformed: readonly ClientError[],
  image: () => Image,
): Command => {
  if (command !== undefined && argv !== undefined)
    throw badInput('input', 'exactly one of command and argv', 'both');
  if (command !== undefined) {
    const field = fieldOf('input.command', command);
    const line = checkLength(field, command, LONGEST_LINE);
    if (line.trim() === '') throw badInput(field, 'a command line', line);
    return { kind: 'shell', line };
  }
  if (argv === undefined) {
    const fault = malformed.find(({ field = '' }) => /^input\.(?:command|argv)Bytes/.test(field));
    if (fault !== undefined) throw fault;
    const standard = image().defaults.command;
    if (standard === null) throw badInput('input', 'exactly one of command and argv', 'neither');
    return { kind: 'argv', argv: standard };
  }
  const words: string[] = [];
  checkEach<string | Uint8Array>(argv, (argument, index) =>
    words.push(checkArgument(`${fieldOf('input.argv', argument)}[${index}]`, argument)),
  );
  const [first, ...rest] = words;
  if (first === undefined) throw badInput('input.argv', 'at least one argument', argv);
  if (first === '') throw badInput(`${fieldOf('input.argv', argv[0])}[0]`, 'the name of a program', first);
  return { kind: 'argv', argv: [first, ...rest] };
};

/** The field of a value that can be given as text or, in a field of its own, as bytes. */
const fieldOf = (field: string, value: string | Uint8Array | undefined): string =>
  value instanceof Uint8Array ? `${field}Bytes` : field;

const checkArgument = (field: string, value: string | Uint8Array): string =>
  checkLength(field, value, LONGEST_ARGUMENT_BYTES);

/** The text of byte-text.ts. */
const checkLength = (field: string, value: string | Uint8Array, mostBytes: number): string => {
  const text = toText(field, value);
  if (text.includes('\0')) throw badInput(field, 'text without NUL bytes', text);
  const bytes = byteLengthOfText(text);
  if (bytes > mostBytes) throw badInput(field, `at most ${mostBytes} bytes`, `${bytes} bytes`);
  return text;
};

const toText = (field: string, value: string | Uint8Array): string =>
  typeof value === 'string' ? checkUnicode(field, value) : textOfBytes(value);

const checkTotal = (command: Command, env: readonly EnvVar[]): void => {
  const argv = command.kind === 'argv' ? command.argv : [command.line].filter(isArgument);
  let bytes = 0;
  for (const argument of argv) bytes += byteLengthOfText(argument) + 1;
  for (const { name, value } of env) bytes += byteLengthOfText(name) + byteLengthOfText(value) + 2;
  if (bytes > LONGEST_TOTAL)
    throw badInput(
      'input',
      `at most ${LONGEST_TOTAL} bytes in the command and env together`,
      `${bytes} bytes`,
    );
};

const checkStdin = (content: SubmitRequest['stdin'], mostBytes: number): number | null => {
  if (content === undefined) return null;
  const field = fieldOf('input.stdin', content);
  if (typeof content === 'string') checkUnicode(field, content);
  const bytes = typeof content === 'string' ? Buffer.byteLength(content) : content.length;
  if (bytes > mostBytes) throw badInput(field, `at most ${mostBytes} bytes`, `${bytes} bytes`);
  return bytes;
};

/** A longer command line is run from a file. */
const isArgument = (line: string): boolean => byteLengthOfText(line) <= LONGEST_ARGUMENT_BYTES;

const checkText = (field: string, text: string | undefined, mostBytes: number): string | null => {
  if (text === undefined) return null;
  checkCharacters(field, text);
  if (text === '') throw badInput(field, 'a non-empty string, or none', text);
  checkByteLength(field, text, mostBytes);
  return text;
};

const checkEnv = (env: readonly EnvVarRequest[]): readonly EnvVar[] => {
  const seen = new Set<string>();
  const variables: EnvVar[] = [];
  checkEach(env, ({ name, value, secret }, index) => {
    const checked = checkAll({
      name: () => {
        const field = `input.env[${index}].name`;
        if (name === '' || name.includes('=')) throw badInput(field, 'a non-empty name without "="', name);
        checkCharacters(field, name);
        if (seen.has(name)) throw badInput(field, 'unique names', name);
        seen.add(name);
      },
      value: () => checkArgument(fieldOf(`input.env[${index}].value`, value), value),
    });
    // As it is read from a job: to run that again without it would be a surprise.
    if (secret && checked.value === '')
      throw badInput(`input.env[${index}].value`, 'the value of the secret, which no job gives back', '');
    variables.push({ name, value: checked.value, ...(secret && { secret }) });
  });
  return variables;
};

const digestOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

const checkWorkdir = (image: Image, { workdir, files = [] }: SubmitRequest): string | null => {
  if (workdir === undefined) return null;
  checkCharacters('input.workdir', workdir);
  checkByteLength('input.workdir', workdir, LONGEST_PATH_BYTES);
  if (!workdir.startsWith('/')) throw badInput('input.workdir', 'an absolute path', workdir);
  if (files.some(({ path }) => parentsOf(path).includes(workdir))) return workdir;
  if (!image.isFolder(workdir)) throw badInput('input.workdir', 'a folder that exists in the image', workdir);
  return workdir;
};

const checkUser = (image: Image, user: string | undefined, { idsRemedy }: RequestContext): string | null => {
  if (user === undefined) {
    const { defaults } = image;
    if (defaults.user === null || image.findUser(defaults.user) !== undefined) return null;
    throw badInput('input.user', `${image.userForm}, as that of the image is none`, defaults.user);
  }
  checkCharacters('input.user', user);
  if (image.findUser(user) !== undefined) return user;
  const more = idsRemedy === undefined ? '' : ` (for more ids: ${idsRemedy})`;
  throw badInput('input.user', `${image.userForm}${more}`, user);
};

/** Only root of the cell has capabilities: for another user the profile would silently have no effect. */
const checkCapabilities = (
  profile: CapabilityProfile = 'NONE',
  image: Image,
  asked: string | null,
): CapabilityProfile => {
  const user = asked ?? image.defaults.user;
  if (profile !== 'NONE' && user !== null && image.findUser(user)?.uid !== 0)
    throw badInput(
      'input.capabilities',
      'NONE for a user other than root of the cell',
      `${profile} for ${user}`,
    );
  return profile;
};

const checkHostname = (hostname: string | undefined): string | null => {
  if (hostname === undefined) return null;
  // RFC 1123 section 2.1: letters, digits and hyphens in labels of 63 at most; hostname(7) for the whole.
  const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
  if (hostname.length > LONGEST_HOSTNAME || !new RegExp(`^${label}(?:\\.${label})*$`).test(hostname))
    throw badInput(
      'input.hostname',
      `a host name (RFC 1123) of at most ${LONGEST_HOSTNAME} characters`,
      hostname,
    );
  return hostname;
};

const checkLabels = (labels: readonly Label[]): readonly Label[] => {
  if (labels.length > MOST_LABELS)
    throw badInput('input.labels', `at most ${MOST_LABELS} labels`, `${labels.length}`);
  const seen = new Set<string>();
  checkEach(labels, ({ key, value }, index) =>
    checkAll({
      key: () => {
        const field = `input.labels[${index}].key`;
        checkText(field, key, LONGEST_NAME);
        if (seen.has(key)) throw badInput(field, 'unique keys', key);
        seen.add(key);
      },
      value: () => value !== '' && checkText(`input.labels[${index}].value`, value, LONGEST_NAME),
    }),
  );
  return labels;
};

const checkTerminal = ({ terminal, stdin, openStdin }: SubmitRequest): TerminalSize | null => {
  if (terminal === undefined) return null;
  if (stdin !== undefined)
    throw badInput('input.stdin', 'none together with terminal: write it with writeStdin', 'both');
  if (openStdin === false)
    throw badInput('input.openStdin', 'true or nothing together with terminal', openStdin);
  return checkSize('input.terminal', terminal);
};

/** @throws ClientError for a terminal that shows nothing, or one that is larger than programs can handle */
export const checkSize = (field: string, { rows, columns }: TerminalSize): TerminalSize => {
  const check = (name: string, value: number): void => {
    if (!(Number.isInteger(value) && value >= 1 && value <= MOST_CELLS))
      throw badInput(`${field}.${name}`, `a whole number from 1 to ${MOST_CELLS}`, value);
  };
  checkAll({ rows: () => check('rows', rows), columns: () => check('columns', columns) });
  return { rows, columns };
};

const checkPriority = (priority = 0): number => {
  if (!(Number.isInteger(priority) && Math.abs(priority) <= MOST_PRIORITY))
    throw badInput('input.priority', `a whole number from -${MOST_PRIORITY} to ${MOST_PRIORITY}`, priority);
  return priority;
};

const checkRetries = (retries: SubmitRequest['retries'], openStdin = false): Retries | null => {
  if (retries === undefined) return null;
  // What clients wrote is gone when the command has read it.
  if (openStdin) throw badInput('input.retries', 'none together with openStdin or terminal', retries);
  const { limit, backoffMs = DEFAULT_BACKOFF_MS } = retries;
  checkAll({
    limit: () => {
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_RETRIES))
        throw badInput('input.retries.limit', `from 1 to ${MOST_RETRIES} retries`, limit);
    },
    backoff: () => {
      if (!(backoffMs >= 0 && backoffMs <= LONGEST_BACKOFF_MS))
        throw badInput('input.retries.backoff', `from 0 to ${LONGEST_BACKOFF_MS} milliseconds`, backoffMs);
    },
  });
  return { limit, backoffMs };
};
