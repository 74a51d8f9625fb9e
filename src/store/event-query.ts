/** The SQL query for events. */

import type { EventRequest } from '../jobs/store.ts';
import { LIMIT } from './limit.ts';
import { outcomeConditions, type Query } from './query.ts';
import { COLUMNS } from './row.ts';

/** The most events that one query examines, so that a filter that matches few of them does not block the server. */
export const MOST_LOOKED_AT = 1000;

/** The matching events after a number, as rows of a job with `number`, `time` and `event_status` added. */
export const eventQuery = ({ after, limit, filter }: EventRequest): Query => {
  const conditions: Query[] = [
    { sql: 'e.number > ? AND e.number <= ?', values: [after, after + MOST_LOOKED_AT] },
  ];
  const { status, label, createdAfter, createdBefore } = filter;
  if (status !== undefined)
    conditions.push({
      sql: 'e.status IN (SELECT value FROM json_each(?))',
      values: [JSON.stringify(status)],
    });
  for (const column of ['name', 'owner', 'image'] as const) {
    const value = filter[column];
    if (value !== undefined) conditions.push({ sql: `j.${column} = ?`, values: [value] });
  }
  if (label !== undefined)
    conditions.push({
      sql: 'EXISTS (SELECT 1 FROM labels l WHERE l.key = ? AND l.value = ? AND l.job_id = j.id)',
      values: [label.key, label.value],
    });
  if (createdAfter !== undefined)
    conditions.push({ sql: 'j.created_at > ?', values: [createdAfter.getTime()] });
  if (createdBefore !== undefined)
    conditions.push({ sql: 'j.created_at < ?', values: [createdBefore.getTime()] });
  if (filter.idPrefix !== undefined)
    conditions.push({ sql: 'j.id > ? AND j.id < ?', values: [filter.idPrefix, `${filter.idPrefix}g`] });
  conditions.push(...outcomeConditions(filter));
  return {
    sql: `SELECT e.number, e.time, e.status AS event_status, ${COLUMNS.map((name) => `j.${name}`).join(', ')}
      FROM job_events e CROSS JOIN jobs j ON j.id = e.job_id
      WHERE ${conditions.map(({ sql }) => sql).join(' AND ')} ORDER BY e.number LIMIT ${LIMIT}`,
    values: [...conditions.flatMap(({ values }) => values), limit],
  };
};
