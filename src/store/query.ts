import type { JobStatus } from './job.ts';
import { COLUMNS } from './row.ts';
import type { JobFilter, PageRequest } from './store.ts';

type Value = string | number | null;

/** A piece of SQL and the values of its parameters, in order. */
export interface Query {
  readonly sql: string;
  readonly values: readonly Value[];
}

/**
 * The rows of a page, one more than its limit so that it shows whether there are others. Read in the direction
 * of the page: backward pages come last row first.
 */
export const pageQuery = ({ limit, after, before, backward, order, filter }: PageRequest): Query => {
  const oldestFirst = order === 'OLDEST_FIRST';
  const id = idOf(filter);
  const bounds: Query[] = [];
  if (after !== undefined) bounds.push({ sql: `${id} ${oldestFirst ? '>' : '<'} ?`, values: [after] });
  if (before !== undefined) bounds.push({ sql: `${id} ${oldestFirst ? '<' : '>'} ?`, values: [before] });
  const columns = COLUMNS.map((name) => (name === 'id' ? `${id} AS id` : `j.${name}`)).join(', ');
  const selects = alternatives(filter).map((conditions) =>
    select(columns, filter, [...conditions, ...bounds]),
  );
  return {
    // Every alternative is read in the order of its index, so SQLite merges them instead of sorting.
    sql: `${selects.map(({ sql }) => sql).join(' UNION ALL ')} ORDER BY id ${
      oldestFirst === backward ? 'DESC' : 'ASC'
    } LIMIT ?`,
    values: [...selects.flatMap(({ values }) => values), limit + 1],
  };
};

/**
 * Whether there is a row on the side that the page comes from, the cursor's own among them.
 *
 * @returns `undefined` when the page begins at the end of all rows: it has no cursor on that side
 */
export const behindQuery = ({ after, before, backward, order, filter }: PageRequest): Query | undefined => {
  const cursor = backward ? before : after;
  if (cursor === undefined) return undefined;
  const side = (order === 'OLDEST_FIRST') === backward ? '>=' : '<=';
  const bound: Query = { sql: `${idOf(filter)} ${side} ?`, values: [cursor] };
  const selects = alternatives(filter).map((conditions) => select('1', filter, [...conditions, bound]));
  return {
    sql: `${selects.map(({ sql }) => sql).join(' UNION ALL ')} LIMIT 1`,
    values: selects.flatMap(({ values }) => values),
  };
};

export const countQuery = (filter: JobFilter): Query => {
  const counts = alternatives(filter).map((conditions) => select('count(*) AS n', filter, conditions));
  return {
    sql: `SELECT sum(n) FROM (${counts.map(({ sql }) => sql).join(' UNION ALL ')})`,
    values: counts.flatMap(({ values }) => values),
  };
};

const select = (columns: string, { label }: JobFilter, conditions: readonly Query[]): Query => {
  // A label's rows are in the order of the jobs' ids, so a page of them needs no sorting.
  const from = label === undefined ? 'jobs j' : 'labels l CROSS JOIN jobs j ON j.id = l.job_id';
  const where = conditions.map(({ sql }) => sql).join(' AND ');
  return {
    sql: `SELECT ${columns} FROM ${from}${where && ` WHERE ${where}`}`,
    values: conditions.flatMap(({ values }) => values),
  };
};

/** The column that holds a job's id in the order of the index that is read. Ids rise with creation. */
const idOf = ({ label }: JobFilter): string => (label === undefined ? 'j.id' : 'l.job_id');

/**
 * The conditions of a filter, all of which must hold, in as many versions as it takes for each to be read from
 * one index in the order of ids.
 */
const alternatives = (filter: JobFilter): readonly (readonly Query[])[] => {
  const { label, name, owner, image } = filter;
  // No client may make statements of ever new shapes by naming a status twice.
  const statuses = filter.status && [...new Set(filter.status)];
  if (statuses?.length === 0) return [[{ sql: 'FALSE', values: [] }]];
  // The index is chosen by what tells most jobs apart, which SQLite cannot know: a `+` keeps it off a column.
  const distinct = label !== undefined || name !== undefined;
  const conditions: Query[] = [...creation(filter)];
  const add = (indexed: boolean, column: string, value: string | undefined): void => {
    if (value !== undefined)
      conditions.push({ sql: `${indexed ? '' : '+'}j.${column} = ?`, values: [value] });
  };
  if (label !== undefined)
    conditions.push({ sql: 'l.key = ? AND l.value = ?', values: [label.key, label.value] });
  add(label === undefined, 'name', name);
  add(!distinct, 'owner', owner);
  add(!distinct && owner === undefined && statuses === undefined, 'image', image);
  if (statuses === undefined) return [conditions];
  if (distinct) return [[...conditions, oneOf(statuses)]];
  return statuses.map((status) => [...conditions, { sql: 'j.status = ?', values: [status] }]);
};

const oneOf = (statuses: readonly JobStatus[]): Query => ({
  sql: `j.status IN (${statuses.map(() => '?').join(', ')})`,
  values: statuses,
});

const LATEST = 0xffff_ffff_ffff;

/**
 * What a filter asks of the time of creation. The ids' own times narrow it down to a stretch of ids, which every
 * index has in order: they are as far from the times of creation as the clock was ever stepped.
 */
const creation = (filter: JobFilter): readonly Query[] => {
  const id = idOf(filter);
  const bound = (side: '<' | '>', time: Date): Query => {
    const lag = `(SELECT ${side === '>' ? 'max' : 'min'}(lag) FROM jobs)`;
    const first = `(SELECT printf('%08x-%04x', ms >> 16, ms & 65535)
      FROM (SELECT max(0, min(${LATEST}, ? - ${lag})) AS ms))`;
    return {
      sql: `j.created_at ${side} ? AND ${id} ${side} ${first}`,
      values: [time.getTime(), time.getTime()],
    };
  };
  const { createdAfter, createdBefore } = filter;
  return [
    ...(createdAfter === undefined ? [] : [bound('>', createdAfter)]),
    ...(createdBefore === undefined ? [] : [bound('<', createdBefore)]),
  ];
};
