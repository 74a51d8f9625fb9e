/** The flag --format: the values of a list that are printed, and how. */

import { CliError } from './errors.ts';
import { inert } from './inert.ts';
import { print, printJson } from './output.ts';

/** How a list is printed. */
export interface ListFlags {
  readonly json?: boolean;
  readonly format?: string;
}

export const FORMAT_HELP =
  "print the values of each by a template such as '{{.id}} {{.status}}', or as columns such as id,status; the names are those of --json";

type Render = (row: object) => string;

/**
 * The function that makes the line of a row, from a template in which `{{.name}}` or `{{.name.name}}` stands for a value
 * and `\t` and `\n` for a tab and a newline, or from names of columns between commas, which are separated by tabs. `null`
 * is nothing, and lists and objects are JSON.
 *
 * @throws CliError for a malformed template; the function throws one for a name that a row does not have
 */
export const rowFormat = (format: string): Render => {
  if (!format.includes('{{')) {
    const columns = format.split(',').map((name) => pathOf(name.trim()));
    return (row) => columns.map((path) => valueAt(row, path)).join('\t');
  }
  const parts = format.split(/\{\{\s*\.(\S+?)\s*\}\}/);
  const texts = parts.map((part, index) => (index % 2 === 0 ? literal(part) : pathOf(part)));
  return (row) => texts.map((part) => (typeof part === 'string' ? part : valueAt(row, part))).join('');
};

const literal = (text: string): string => {
  if (text.includes('{{') || text.includes('}}'))
    throw new CliError(`--format: expected values such as {{.id}}, got ${JSON.stringify(text)}`);
  return text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
};

const pathOf = (text: string): readonly string[] => {
  if (/^\w+(\.\w+)*$/.test(text)) return text.split('.');
  throw new CliError(
    `--format: expected the name of a value, such as id or usage.cpuTime, got ${JSON.stringify(text)}`,
  );
};

const valueAt = (row: object, path: readonly string[]): string => {
  let value: unknown = row;
  for (const name of path) {
    if (value === null) return '';
    if (typeof value !== 'object' || !Object.hasOwn(value, name)) {
      const names = typeof value === 'object' ? Object.keys(value).join(', ') : 'no names below it';
      throw new CliError(`--format: expected one of ${names}; got ${JSON.stringify(path.join('.'))}`);
    }
    value = (value as Record<string, unknown>)[name];
  }
  if (value === null || value === undefined) return '';
  return inert(typeof value === 'object' ? JSON.stringify(value) : String(value));
};

/**
 * The same for the flags of a command; `undefined` without --format.
 *
 * @throws CliError for a bad template, and for `--format` together with `--json`
 */
export const formatOf = ({ json, format }: ListFlags): Render | undefined => {
  if (format === undefined) return undefined;
  if (json === true) throw new CliError('--format: expected without --json, got both');
  return rowFormat(format);
};

/** Prints a list as the flags request: by a template, as JSON, or as a table. */
export const printList = async (
  rows: readonly object[],
  flags: ListFlags,
  table: () => string,
): Promise<void> => {
  const render = formatOf(flags);
  if (render === undefined) return flags.json ? printJson(rows) : print(table());
  const lines = rows.map(render);
  if (lines.length > 0) await print(lines.join('\n'));
};
