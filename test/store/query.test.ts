/** Every query is served by an index. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobFilter, PageRequest } from '../../src/jobs/store.ts';
import type { Connection } from '../../src/store/connection.ts';
import { openDatabase } from '../../src/store/database.ts';
import { behindQuery, countQuery, pageQuery, type Query } from '../../src/store/query.ts';
import { disposers } from '../support/disposers.ts';
import { at } from './fixture.ts';

const onEnd = disposers();
let db: Connection;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-query-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  db = openDatabase(join(folder, 'cloister.db'));
  onEnd(() => db.close());
});

const plan = ({ sql, values }: Query): string => {
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
  return rows.map(({ detail }) => detail).join('; ');
};

/** Each filter, and the way into the table that serves it. */
const FILTERS: readonly (readonly [string, JobFilter, string])[] = [
  ['nothing', {}, 'sqlite_autoindex_jobs_1 (id>?)'],
  ['status', { status: ['QUEUED'] }, 'jobs_by_status (status=? AND id>?)'],
  ['statuses', { status: ['QUEUED', 'RUNNING', 'LOST'] }, 'jobs_by_status (status=? AND id>?)'],
  ['name', { name: 'x' }, 'jobs_by_name (name=? AND id>?)'],
  ['owner', { owner: 'x' }, 'jobs_by_owner (owner=? AND id>?)'],
  ['image', { image: 'x' }, 'jobs_by_image (image=? AND id>?)'],
  ['label', { label: { key: 'k', value: 'v' } }, 'PRIMARY KEY (key=? AND value=? AND job_id>?)'],
  ['createdAfter', { createdAfter: at(0) }, 'sqlite_autoindex_jobs_1 (id>?)'],
  ['createdBefore', { createdBefore: at(0) }, 'sqlite_autoindex_jobs_1 (id>? AND id<?)'],
  [
    'owner and statuses',
    { owner: 'x', status: ['LOST', 'FAILED'] },
    'jobs_by_owner_and_status (owner=? AND status=? AND id>?)',
  ],
  [
    'label and statuses',
    { label: { key: 'k', value: 'v' }, status: ['LOST', 'FAILED'] },
    'PRIMARY KEY (key=? AND value=? AND job_id>?)',
  ],
  ['name and status', { name: 'x', status: ['LOST'] }, 'jobs_by_name (name=? AND id>?)'],
  ['name and statuses', { name: 'x', status: ['LOST', 'FAILED'] }, 'jobs_by_name (name=? AND id>?)'],
  ['image and status', { image: 'x', status: ['LOST'] }, 'jobs_by_status (status=? AND id>?)'],
  ['image and owner', { image: 'x', owner: 'x' }, 'jobs_by_owner (owner=? AND id>?)'],
  [
    'owner and creation',
    { owner: 'x', createdAfter: at(0), createdBefore: at(1) },
    'jobs_by_owner (owner=? AND id>? AND id<?)',
  ],
];

/** Of how jobs ended: each has an index of its own, which owner, status and the rest leave to it. */
const OUTCOMES: readonly (readonly [string, JobFilter, string])[] = [
  ['idPrefix', { idPrefix: '0197' }, 'sqlite_autoindex_jobs_1 (id>? AND id<?)'],
  ['name and idPrefix', { name: 'x', idPrefix: '0197' }, 'jobs_by_name (name=? AND id>? AND id<?)'],
  ['failed', { failed: true }, 'jobs_failed (id>?)'],
  ['failed, owner and image', { failed: true, owner: 'x', image: 'x' }, 'jobs_failed (id>?)'],
  ['failed and statuses', { failed: true, status: ['LOST', 'FAILED'] }, 'jobs_failed (id>?)'],
  ['failed and creation', { failed: true, createdAfter: at(0) }, 'jobs_failed (id>?)'],
  ['exitCode', { exitCode: 7 }, 'jobs_by_exit_code (exit_code=? AND id>?)'],
  ['exitCode and owner', { exitCode: 7, owner: 'x' }, 'jobs_by_exit_code (exit_code=? AND id>?)'],
  ['exitCode and failed', { exitCode: 7, failed: true }, 'jobs_by_exit_code (exit_code=? AND id>?)'],
  ['exitCode 0', { exitCode: 0 }, 'jobs_by_status (status=? AND id>?)'],
  [
    'exitCode 0 and owner',
    { exitCode: 0, owner: 'x' },
    'jobs_by_owner_and_status (owner=? AND status=? AND id>?)',
  ],
  ['signal', { signal: 'SIGKILL' }, 'jobs_by_signal (signal=? AND id>?)'],
  ['signal and status', { signal: 'SIGKILL', status: ['STOPPED'] }, 'jobs_by_signal (signal=? AND id>?)'],
  ['limitExceeded', { limitExceeded: 'MEMORY' }, 'jobs_by_limit (limit_exceeded=? AND id>?)'],
  [
    'label and failed',
    { label: { key: 'k', value: 'v' }, failed: true },
    'PRIMARY KEY (key=? AND value=? AND job_id>?)',
  ],
  ['name and exitCode', { name: 'x', exitCode: 7 }, 'jobs_by_name (name=? AND id>?)'],
];

describe.each([...FILTERS, ...OUTCOMES])('a page by %s', (_title, filter, index) => {
  it.each([
    { order: 'OLDEST_FIRST', backward: false },
    { order: 'OLDEST_FIRST', backward: true },
    { order: 'NEWEST_FIRST', backward: false },
    { order: 'NEWEST_FIRST', backward: true },
  ] as const)('is read from its index without sorting: $order, backward: $backward', (way) => {
    // The cursor that bounds ids from below, so that the same bound is to be seen each way.
    const edge = way.order === 'OLDEST_FIRST' ? { after: 'x' } : { before: 'x' };
    const request: PageRequest = { limit: 2, filter, ...way, ...edge };
    const details = plan(pageQuery(request));
    expect(details).toContain(index);
    expect(details).not.toMatch(/SCAN (j|l|jobs|labels)\b|TEMP B-TREE/);
  });

  it('finds what follows it in an index', () => {
    const behind = behindQuery({ limit: 2, filter, order: 'OLDEST_FIRST', backward: false, after: 'x' });
    if (behind === undefined) throw new Error('a page after a cursor has something behind it');
    expect(plan(behind)).not.toMatch(/SCAN (j|l|jobs|labels)\b|TEMP B-TREE/);
  });

  it('is counted from an index', () => {
    // `jobs_failed` holds nothing but the jobs in question.
    for (const query of [countQuery(filter), countQuery(filter, 10)])
      expect(plan(query)).not.toMatch(
        /SCAN (j|l|jobs|labels)\b(?! USING (COVERING INDEX|INDEX jobs_failed))/,
      );
  });
});

it('is prepared once, with any limit', () => {
  const folder = join(import.meta.dirname, '..', '..', 'src', 'store');
  const files = readdirSync(folder).filter((name) => name !== 'limit.ts');
  const found = files.filter((name) => /LIMIT \?/.test(readFileSync(join(folder, name), 'utf8')));
  expect(found, 'LIMIT of src/store/limit.ts is to be used').toEqual([]);
});

describe('a query', () => {
  it('takes the bounds of a time from the ends of an index', () => {
    const filter = { createdAfter: at(0), createdBefore: at(1) };
    const details = plan(pageQuery({ limit: 2, backward: false, order: 'OLDEST_FIRST', filter }));
    // Without the index, too, a plan calls a search what reads the whole table for its least and greatest value.
    expect(details.match(/SEARCH jobs USING INDEX jobs_by_lag/g)).toHaveLength(2);
  });

  it('has the same text whatever the values, and however often a status is named', () => {
    const request = (filter: JobFilter, cursor: string): PageRequest => ({
      limit: 2,
      backward: false,
      order: 'OLDEST_FIRST',
      after: cursor,
      filter,
    });
    const one = request({ name: 'one', owner: 'a', status: ['LOST', 'FAILED'], createdAfter: at(0) }, 'x');
    const two = request(
      { name: 'two', owner: 'b', status: ['QUEUED', 'RUNNING', 'QUEUED'], createdAfter: at(9) },
      'y',
    );
    expect(pageQuery(two).sql).toBe(pageQuery(one).sql);
    expect(behindQuery(two)?.sql).toBe(behindQuery(one)?.sql);
    expect(countQuery(two.filter).sql).toBe(countQuery(one.filter).sql);
  });

  it('never skips rows by OFFSET', () => {
    for (const [, filter] of FILTERS)
      expect(pageQuery({ limit: 2, backward: true, order: 'NEWEST_FIRST', filter }).sql).not.toMatch(
        /offset/i,
      );
  });
});
