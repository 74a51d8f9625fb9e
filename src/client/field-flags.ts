/** The flags that correspond to fields of the API, for error messages. */

const FIELDS: Readonly<Record<string, string>> = {
  input: 'the command',
  'input.command': 'the command',
  'input.argv': 'the command',
  'input.commandBytes': 'the command',
  'input.argvBytes': 'the command',
  'input.stdinBytes': '--stdin',
  'input.image': '--image',
  'input.env': '--env',
  'input.artifacts': '--artifact',
  'input.workdir': '--workdir',
  'input.user': '--user',
  'input.hostname': '--hostname',
  'input.stdin': '--stdin',
  'input.files': '--file',
  'input.capabilities': '--root-in-cell',
  'input.stopSignal': '--stop-signal',
  'input.stopScope': '--stop-scope',
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
 * Replaces the path of a field at the beginning of a message with its flag: `--memory: expected ...` for
 * `input.limits.memory: expected ...`. A field without a flag stays as it is.
 *
 * @param field the path, from `extensions.field` of the error
 */
export const namingFlag = (message: string, field: string): string =>
  message.startsWith(`${field}:`) ? (flagOf(field) ?? field) + message.slice(field.length) : message;

/** The flag for a field of the API; `undefined` when there is none. */
const flagOf = (field: string): string | undefined => {
  const argument = /^input\.argv(?:Bytes)?\[(\d+)\]$/.exec(field);
  if (argument !== null) return `word ${Number(argument[1]) + 1} of the command`;
  const io = /^input\.limits\.io\[\d+\](?:\.(\w+))?$/.exec(field);
  if (io !== null) return io[1] === undefined ? '--io' : `--io ${kebab(io[1])}`;
  // The rejected value says which of several variables or labels it is.
  const path = field.replace(/\[\d+\].*$/, '');
  const limit = /^input\.limits\.(\w+)$/.exec(path);
  return FIELDS[path] ?? (limit === null ? undefined : `--${kebab(limit[1] ?? '')}`);
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
