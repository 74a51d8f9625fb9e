/** Finds the job that an argument names: an id, the beginning of one, a name, or the newest job. */

import type { Connection } from './connection.ts';
import { CliError } from './errors.ts';
import { FindJobDocument, LastJobDocument } from './generated/operations.ts';
import { inert } from './inert.ts';
import { request } from './request.ts';

const WHOLE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PREFIX = /^[0-9a-f-]{1,35}$/i;
/** The job that was submitted last. */
const LAST = '@last';

/**
 * The id of the job that a text names. As in docker a name has precedence over the beginning of an id; of jobs with the
 * same name it is the newest.
 *
 * @throws CliError when there is none, or more than one id begins like this
 */
export const findJobId = async (connection: Connection, text: string): Promise<string> => {
  if (WHOLE.test(text)) return text.toLowerCase();
  if (text === LAST) {
    const [last] = (await request(connection, LastJobDocument, {})).jobs.nodes;
    if (last === undefined) throw new CliError(`${LAST}: there are no jobs`);
    return last.id;
  }
  const isPrefix = PREFIX.test(text);
  const variables = { name: text, idPrefix: isPrefix ? text : '0', isPrefix };
  const { named, prefixed } = await request(connection, FindJobDocument, variables);
  const [newest] = named.nodes;
  if (newest !== undefined) return newest.id;
  const [first, ...others] = prefixed?.nodes ?? [];
  if (first === undefined) throw new CliError(`no job with id or name ${JSON.stringify(inert(text))}`);
  if (others.length === 0) return first.id;
  const ids = [first, ...others].map(({ id }) => id);
  throw new CliError(`the ids of several jobs begin with ${JSON.stringify(text)}: ${ids.join(', ')}`);
};

/** Characters of an id that hold its time to the millisecond, which already differ between jobs of one minute. */
const SHORTEST = 13;

/**
 * How short ids can be, all of the same length, and still be distinct.
 *
 * @returns characters to keep of each
 */
export const shortLength = (ids: readonly string[]): number => {
  const sorted = ids.toSorted();
  let length = SHORTEST;
  for (const [index, id] of sorted.entries()) {
    const next = sorted[index + 1];
    while (next !== undefined && next !== id && next.startsWith(id.slice(0, length))) length += 1;
  }
  return length;
};

/** The beginning of an id, as progress and remarks show it; not proven to be distinct. */
export const shortId = (id: string): string => id.slice(0, SHORTEST);
