import type { JobFilter, PageRequest } from './store.ts';

/** A piece of SQL and the values of its parameters, in order. */
export interface Query {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/**
 * The rows of a page, one more than its limit so that it shows whether there are others. Read in the direction
 * of the page: backwards pages come last row first.
 */
export const pageQuery = (request: PageRequest): Query => {
  const { where, values } = conditions(request.filter);
  // Ids are UUIDv7 and rise with creation, so their order is the order of creation.
  const ascending = (request.order === 'OLDEST_FIRST') !== request.backward;
  const behind = request.order === 'OLDEST_FIRST' ? '>' : '<';
  const before = request.order === 'OLDEST_FIRST' ? '<' : '>';
  if (request.after !== undefined) {
    where.push(`j.id ${behind} ?`);
    values.push(request.after);
  }
  if (request.before !== undefined) {
    where.push(`j.id ${before} ?`);
    values.push(request.before);
  }
  const sql = `SELECT j.* FROM ${from(request.filter)}${clause(where)} ORDER BY ${orderColumn(request.filter)} ${
    ascending ? 'ASC' : 'DESC'
  } LIMIT ?`;
  return { sql, values: [...values, request.limit + 1] };
};

export const countQuery = (filter: JobFilter): Query => {
  const { where, values } = conditions(filter);
  return { sql: `SELECT count(*) FROM ${from(filter)}${clause(where)}`, values };
};

const clause = (where: readonly string[]): string =>
  where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`;

// A label's rows are in the order of the jobs' ids, so a page of them needs no sorting.
const from = ({ label }: JobFilter): string =>
  label === undefined ? 'jobs j' : 'labels l CROSS JOIN jobs j ON j.id = l.job_id';

const orderColumn = ({ label }: JobFilter): string => (label === undefined ? 'j.id' : 'l.job_id');

const conditions = (filter: JobFilter): { where: string[]; values: (string | number)[] } => {
  const where: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, ...parameters: (string | number)[]): void => {
    where.push(condition);
    values.push(...parameters);
  };
  if (filter.label !== undefined) add('l.key = ? AND l.value = ?', filter.label.key, filter.label.value);
  if (filter.status !== undefined)
    add(`j.status IN (${filter.status.map(() => '?').join(', ')})`, ...filter.status);
  if (filter.name !== undefined) add('j.name = ?', filter.name);
  if (filter.owner !== undefined) add('j.owner = ?', filter.owner);
  if (filter.image !== undefined) add('j.image = ?', filter.image);
  if (filter.createdAfter !== undefined) add('j.created_at > ?', filter.createdAfter.getTime());
  if (filter.createdBefore !== undefined) add('j.created_at < ?', filter.createdBefore.getTime());
  return { where, values };
};
