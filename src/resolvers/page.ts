/** Checks the arguments of a connection (Relay cursor connections). */
import { badInput } from '../jobs/errors.ts';
import { checkAll } from '../jobs/faults.ts';
import { isJobId } from '../jobs/id.ts';

/** The arguments of a connection, as the Relay cursor connections specification names them. */
export interface ConnectionArguments {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly before?: string | null | undefined;
}

/** The rows of a list that a page has, as Relay's arguments select them. */
export interface Window {
  readonly limit: number;
  readonly backward: boolean;
  readonly after?: string;
  readonly before?: string;
}

/** The most rows of a page, and the number of rows without `first` and `last`. */
export const MOST_ROWS = 100;
export const DEFAULT_ROWS = 20;

/**
 * The rows that a connection selects.
 *
 * @param standard rows when neither `first` nor `last` is given
 * @throws ClientError `BAD_USER_INPUT` for a number out of range, an invalid cursor, or `first` and `last` together
 */
export const checkPage = (args: ConnectionArguments, standard: number): Window => {
  const first = args.first ?? undefined;
  const last = args.last ?? undefined;
  checkAll({
    both: () => {
      if (first !== undefined && last !== undefined)
        throw badInput('last', 'only one of first and last', 'both');
    },
    first: () => checkCount('first', first),
    last: () => checkCount('last', last),
    after: () => checkCursor('after', args.after),
    before: () => checkCursor('before', args.before),
  });
  return {
    limit: first ?? last ?? standard,
    backward: last !== undefined,
    ...(typeof args.after === 'string' && { after: args.after }),
    ...(typeof args.before === 'string' && { before: args.before }),
  };
};

const checkCount = (field: string, count: number | undefined): void => {
  if (count !== undefined && !(count >= 1 && count <= MOST_ROWS))
    throw badInput(field, `from 1 to ${MOST_ROWS}`, count);
};

const checkCursor = (field: string, cursor: string | null | undefined): void => {
  if (typeof cursor === 'string' && !isJobId(cursor))
    throw badInput(field, 'a cursor from a page of jobs', cursor);
};
