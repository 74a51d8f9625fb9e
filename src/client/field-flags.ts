/** The names that a command line has for the fields of the API, for the errors that a person is shown. */

const FIELDS: Readonly<Record<string, string>> = {
  input: 'the command',
  'input.command': 'the command',
  'input.argv': 'the command',
  'input.image': '--image',
  'input.env': '--env',
  'input.workdir': '--workdir',
  'input.user': '--user',
  'input.hostname': '--hostname',
  'input.stdin': '--stdin',
  'input.capabilities': '--root-in-cell',
  'input.labels': '--label',
  'input.name': '--name',
  'input.priority': '--priority',
  'input.startAfter': '--start-after',
  'input.retries.limit': '--retries',
  'input.retries.backoff': '--backoff',
  'input.idempotencyKey': '--idempotency-key',
  'input.limits.outputPolicy': '--truncate',
  'input.gracePeriod': '--grace',
  'input.signal': 'signal',
  'input.jobId': 'job',
  jobId: 'job',
  'filter.createdAfter': '--since',
};

/**
 * A message that begins with the path of a field, with the flag of that field instead: `--memory: expected ...` for
 * `input.limits.memory: expected ...`. A field that no flag sets stays as it is.
 *
 * @param field the path, from `extensions.field` of the error
 */
export const namingFlag = (message: string, field: string): string =>
  message.startsWith(`${field}:`) ? (flagOf(field) ?? field) + message.slice(field.length) : message;

/** What a command line calls a field of the API; `undefined` when it has no name for it. */
const flagOf = (field: string): string | undefined => {
  const argument = /^input\.argv\[(\d+)\]$/.exec(field);
  if (argument !== null) return `word ${Number(argument[1]) + 1} of the command`;
  const io = /^input\.limits\.io\[\d+\](?:\.(\w+))?$/.exec(field);
  if (io !== null) return io[1] === undefined ? '--io' : `--io ${kebab(io[1])}`;
  // Which of several variables or labels it is, what came says.
  const path = field.replace(/\[\d+\].*$/, '');
  const limit = /^input\.limits\.(\w+)$/.exec(path);
  return FIELDS[path] ?? (limit === null ? undefined : `--${kebab(limit[1] ?? '')}`);
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
