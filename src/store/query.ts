/** The SQL queries for pages of jobs, each of which an index serves. */

import type { JobStatus } from '../jobs/job.ts';
import type { JobFilter, PageRequest } from '../jobs/store.ts';
import { LIMIT } from './limit.ts';
import { COLUMNS } from './row.ts';

type Value = string | number | null;

/** A piece of SQL and the values of its parameters, in order. */
export interface Query {
  readonly sql: string;
  readonly values: readonly Value[];
}

/**
 * The rows of a page, with the columns of these names, and one row more, which shows whether there is another page. The
 * rows come in the direction of the page: the last row of a backward page comes first.
 */
export const pageQuery = (
  { limit, after, before, backward, order, filter }: PageRequest,
  names: readonly string[] = COLUMNS,
): Query => {
  const oldestFirst = order === 'OLDEST_FIRST';
  const id = idOf(filter);
  const cursors: Bound[] = [];
  if (after !== undefined) cursors.push({ side: oldestFirst ? '>' : '<', sql: '?', values: [after] });
  if (before !== undefined) cursors.push({ side: oldestFirst ? '<' : '>', sql: '?', values: [before] });
  const columns = names.map((name) => (name === 'id' ? `${id} AS id` : `j.${name}`)).join(', ');
  const selects = alternatives(filter).map((conditions) =>
    select(columns, filter, [...conditions, ...stretch(filter, cursors)]),
  );
  return {
    // Each alternative is read in the order of its index, so SQLite merges them instead of sorting.
    sql: `${selects.map(({ sql }) => sql).join(' UNION ALL ')} ORDER BY id ${
      oldestFirst === backward ? 'DESC' : 'ASC'
    } LIMIT ${LIMIT}`,
    values: [...selects.flatMap(({ values }) => values), limit + 1],
  };
};

/**
 * Whether there is a row on the side that the page starts from, including the row of the cursor.
 *
 * @returns `undefined` if the page begins at an end of all rows: it has no cursor on that side
 */
export const behindQuery = ({ after, before, backward, order, filter }: PageRequest): Query | undefined => {
  const cursor = backward ? before : after;
  if (cursor === undefined) return undefined;
  const side = (order === 'OLDEST_FIRST') === backward ? '>=' : '<=';
  const bounds = stretch(filter, [{ side, sql: '?', values: [cursor] }]);
  const selects = alternatives(filter).map((conditions) => select('1', filter, [...conditions, ...bounds]));
  return {
    sql: `${selects.map(({ sql }) => sql).join(' UNION ALL ')} LIMIT 1`,
    values: selects.flatMap(({ values }) => values),
  };
};

/** How many jobs a filter matches; with `most`, counting stops at that number. */
export const countQuery = (filter: JobFilter, most?: number): Query => {
  const bounds = stretch(filter, []);
  if (most !== undefined) {
    const rows = alternatives(filter).map((conditions) => select('1', filter, [...conditions, ...bounds]));
    return {
      sql: `SELECT count(*) FROM (${rows.map(({ sql }) => sql).join(' UNION ALL ')} LIMIT ${LIMIT})`,
      values: [...rows.flatMap(({ values }) => values), most],
    };
  }
  const counts = alternatives(filter).map((conditions) =>
    select('count(*) AS n', filter, [...conditions, ...bounds]),
  );
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

/** The column with the id of a job, in the order of the index that is read. Ids rise with creation. */
const idOf = ({ label }: JobFilter): string => (label === undefined ? 'j.id' : 'l.job_id');

/**
 * The conditions of a filter as alternatives (OR) of conditions that must all hold (AND): as many alternatives as are
 * needed for each to be read from one index in the order of ids.
 */
const alternatives = (filter: JobFilter): readonly (readonly Query[])[] => {
  const { label, name, owner, image } = filter;
  // A client that names a status twice must not cause new statements.
  const asked = filter.status ?? (filter.exitCode === 0 ? EXITED : undefined);
  const statuses = asked && [...new Set(asked)];
  if (statuses?.length === 0) return [[{ sql: 'FALSE', values: [] }]];
  // The most selective condition decides the index. SQLite cannot know it: a `+` excludes the index of a column.
  const outcome = outcomes(filter);
  const { execOf } = filter;
  const distinct = label !== undefined || name !== undefined || outcome.length > 0 || execOf !== undefined;
  const conditions: Query[] = [...creation(filter)];
  const add = (indexed: boolean, column: string, value: string | undefined): void => {
    if (value !== undefined)
      conditions.push({ sql: `${indexed ? '' : '+'}j.${column} = ?`, values: [value] });
  };
  if (label !== undefined)
    conditions.push({ sql: 'l.key = ? AND l.value = ?', values: [label.key, label.value] });
  if (execOf !== undefined)
    conditions.push({
      sql: `j.spec ->> '$.execOf' = ? AND j.spec ->> '$.execOf' IS NOT NULL`,
      values: [execOf],
    });
  add(label === undefined, 'name', name);
  for (const [rank, { sql, values }] of outcome.entries())
    conditions.push({
      sql: rank === 0 && label === undefined && name === undefined ? sql : unindexed(sql),
      values,
    });
  if (filter.exitCode === 0) conditions.push(SUCCESS);
  add(!distinct, 'owner', owner);
  add(!distinct && owner === undefined && statuses === undefined, 'image', image);
  if (statuses === undefined) return [conditions];
  if (distinct) return [[...conditions, oneOf(statuses)]];
  return statuses.map((status) => [...conditions, { sql: 'j.status = ?', values: [status] }]);
};

/**
 * The conditions of a filter on how jobs ended, the most selective first. Each has a small index of its own; an exit
 * code of 0, which most jobs have, is in no index.
 */
const outcomes = ({ signal, limitExceeded, exitCode, failed }: JobFilter): readonly Query[] => [
  ...(limitExceeded === undefined ? [] : [{ sql: 'j.limit_exceeded = ?', values: [limitExceeded] }]),
  ...(signal === undefined ? [] : [{ sql: 'j.signal = ?', values: [signal] }]),
  ...(exitCode === undefined || exitCode === 0
    ? []
    : [{ sql: 'j.exit_code = ? AND j.exit_code <> 0', values: [exitCode] }]),
  ...(failed ? [{ sql: FAILED, values: [] }] : []),
];

/** Selects jobs whose command exited with 0. All jobs with an exit code are in the states of `EXITED`. */
const SUCCESS: Query = { sql: '+j.exit_code = 0', values: [] };
const EXITED: readonly JobStatus[] = ['COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED'];

/** The conditions of a filter on how jobs ended, for a query that no index of them serves. */
export const outcomeConditions = (filter: JobFilter): readonly Query[] => [
  ...outcomes(filter).map(({ sql, values }) => ({ sql: unindexed(sql), values })),
  ...(filter.exitCode === 0 ? [SUCCESS] : []),
];

/** The expression of the index `jobs_failed`; for a plain OR SQLite would use the index of states instead. */
const FAILED = `CASE WHEN j.status IN ('LIMIT_EXCEEDED', 'LOST', 'FAILED')
  OR (j.status = 'COMPLETED' AND j.exit_code IS NOT 0) THEN 1 ELSE 0 END`;

/** The same condition, written so that SQLite uses no index for it. */
const unindexed = (sql: string): string => sql.replace(/\bj\./g, '+j.');

const oneOf = (statuses: readonly JobStatus[]): Query => ({
  sql: `+j.status IN (${statuses.map(() => '?').join(', ')})`,
  values: statuses,
});

/** The conditions of a filter on the time of creation. */
const creation = ({ createdAfter, createdBefore }: JobFilter): readonly Query[] => [
  ...(createdAfter === undefined ? [] : [{ sql: 'j.created_at > ?', values: [createdAfter.getTime()] }]),
  ...(createdBefore === undefined ? [] : [{ sql: 'j.created_at < ?', values: [createdBefore.getTime()] }]),
];

/** A bound on ids. */
interface Bound extends Query {
  readonly side: '>' | '>=' | '<' | '<=';
}

/**
 * The range of ids, which every index has in order, between the cursors and within the times of a filter. One bound for
 * each end: with two, SQLite would begin at the first and scan to the second.
 */
const stretch = (filter: JobFilter, cursors: readonly Bound[]): readonly Query[] => {
  // The bounds of times and prefixes are never complete ids, so it does not matter whether they are inclusive.
  const bounds = [...cursors, ...timeBounds(filter), ...prefixBounds(filter)];
  const end = (sign: '>' | '<', narrower: 'max' | 'min'): readonly Query[] => {
    const [first, ...others] = bounds.filter(({ side }) => side.startsWith(sign));
    if (first === undefined) return [];
    const all = [first, ...others];
    const texts = all.map(({ sql }) => sql).join(', ');
    const limit = others.length === 0 ? texts : `${narrower}(${texts})`;
    return [{ sql: `${idOf(filter)} ${first.side} ${limit}`, values: all.flatMap(({ values }) => values) }];
  };
  return [...end('>', 'max'), ...end('<', 'min')];
};

/**
 * Bounds of the ids that begin with a text, which is never a whole id. `f` is the highest character in an id, so all of
 * them sort before the text followed by `g`.
 */
const prefixBounds = ({ idPrefix }: JobFilter): readonly Bound[] =>
  idPrefix === undefined
    ? []
    : [
        { side: '>', sql: '?', values: [idPrefix] },
        { side: '<', sql: '?', values: [`${idPrefix}g`] },
      ];

const LATEST = 0xffff_ffff_ffff;

/**
 * Times as bounds on ids. The time in an id may differ from `created_at`, because the clock was set: by no more than
 * the extremes of `lag`.
 */
const timeBounds = ({ createdAfter, createdBefore }: JobFilter): readonly Bound[] => {
  const bound = (side: '<' | '>', time: Date): Bound => {
    const lag = `(SELECT ${side === '>' ? 'max' : 'min'}(lag) FROM jobs)`;
    const sql = `(SELECT printf('%08x-%04x', ms >> 16, ms & 65535)
      FROM (SELECT max(0, min(${LATEST}, ? - ${lag})) AS ms))`;
    return { side, sql, values: [time.getTime()] };
  };
  return [
    ...(createdAfter === undefined ? [] : [bound('>', createdAfter)]),
    ...(createdBefore === undefined ? [] : [bound('<', createdBefore)]),
  ];
};
