/** The command `cloister api`. */

import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { pair } from '../flag-values.ts';
import { TypedDocumentString } from '../generated/operations.ts';
import { note, print } from '../output.ts';
import { execute, serverError } from '../request.ts';
import { decode, readTextFile } from '../text-file.ts';

interface ApiFlags {
  readonly field?: readonly string[];
  readonly rawField?: readonly string[];
  readonly paginate?: boolean;
  readonly get?: string;
}

type Variables = Record<string, unknown>;
type Data = Readonly<Record<string, unknown>> | null | undefined;

/**
 * `cloister api`: sends a document and prints the answer as JSON; for a subscription, each message on a line.
 *
 * @param source the document, `@FILE` or `-` for standard input
 * @returns the exit code: 1 when there were errors, which the answer contains and stderr repeats
 * @throws CliError when `--paginate` is given for a document that cannot be continued
 */
export const api = async (config: ClientConfig, source: string, flags: ApiFlags): Promise<number> => {
  const query = await documentText(source);
  const document = new TypedDocumentString<Data, Variables>(query);
  const variables = variablesOf(flags);
  const path = flags.get?.split('.');
  const show = (answer: { readonly data?: unknown }, line = false): Promise<void> =>
    path === undefined
      ? print(JSON.stringify(answer, null, line ? 0 : 2))
      : printEach(select(answer.data, path).map(plain));
  if (flags.paginate && !/\$endCursor\b/.test(query))
    throw new CliError(
      '--paginate: expected a document with a variable $endCursor: String, given to `after`',
    );
  const connection = await connect(config);
  if (/^\s*(#.*\n\s*)*subscription\b/.test(query)) {
    const { subscribe } = await import('../subscribe.ts');
    for await (const data of subscribe(connection, document, variables)) await show({ data }, true);
    return 0;
  }
  for (let next: Variables | undefined = variables; next !== undefined; ) {
    const answer: Answer = await execute(connection, document, next);
    await show(answer);
    if (answer.errors !== undefined) return failed(connection, answer.errors);
    const endCursor = flags.paginate ? endCursorOf(answer.data) : undefined;
    next = endCursor === undefined ? undefined : { ...next, endCursor };
  }
  return 0;
};

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly unknown[] | undefined;
}

const failed = async (connection: Connection, errors: readonly unknown[]): Promise<number> => {
  await note(serverError(connection, errors, false).message);
  return 1;
};

const documentText = async (source: string): Promise<string> => {
  if (source.startsWith('@')) return readTextFile('document', source.slice(1));
  if (source !== '-') return source;
  const { buffer } = await import('node:stream/consumers');
  return decode('document', 'standard input', await buffer(process.stdin));
};

/** `-f` is text; `-F` is typed by its form: a number, true, false, null, a list or an object, otherwise text. */
const variablesOf = ({ field = [], rawField = [] }: ApiFlags): Variables => ({
  ...Object.fromEntries(rawField.map((text) => pair('--raw-field', 'NAME=TEXT', text))),
  ...Object.fromEntries(
    field.map((text) => {
      const [name, value] = pair('--field', 'NAME=VALUE', text);
      return [name, json(value)];
    }),
  ),
});

const json = (text: string): unknown => {
  if (!/^([[{]|-?\d|true$|false$|null$)/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    if (!/^[[{]/.test(text)) return text;
    throw new CliError(`--field: expected JSON after "=", got ${JSON.stringify(text)}`);
  }
};

/** The end cursor of the first connection in an answer that has another page. */
const endCursorOf = (value: unknown): string | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const { hasNextPage, endCursor } = { hasNextPage: undefined, endCursor: undefined, ...value } as Variables;
  if (hasNextPage === true && typeof endCursor === 'string') return endCursor;
  for (const inner of Object.values(value)) {
    const found = endCursorOf(inner);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Prints nothing where there is no value. */
const printEach = async (values: readonly string[]): Promise<void> => {
  if (values.length > 0) await print(values.join('\n'));
};

/**
 * The values at a path; in a list, those at the path in each element. Where the answer is null or a list is empty there
 * are none; what lies on the way and has no such field is an error, unless it is an element of a list with others
 * that have it (a fragment may be of one type only).
 */
const select = (value: unknown, path: readonly string[]): unknown[] => {
  const missing: string[] = [];
  const found = valuesAt(value, path, (known) => missing.push(known));
  const [known] = missing;
  if (found.length === 0 && known !== undefined)
    throw new CliError(
      `--get: expected a path below "data" of the answer, which has ${known}, got ${JSON.stringify(path.join('.'))}`,
    );
  return found;
};

/** @param onMissing called with the value that has no such field */
const valuesAt = (
  value: unknown,
  path: readonly string[],
  onMissing: (known: string) => unknown,
): unknown[] => {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, path, onMissing));
  const [key, ...rest] = path;
  if (key === undefined) return [value];
  if (value === null || value === undefined) return [];
  if (typeof value === 'object' && Object.hasOwn(value, key))
    return valuesAt((value as Variables)[key], rest, onMissing);
  onMissing(
    typeof value === 'object' ? `the fields ${Object.keys(value).join(', ')} there` : 'no fields there',
  );
  return [];
};

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
