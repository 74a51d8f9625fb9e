/** Pages of a million jobs. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobFilter, JobStore, PageRequest } from '../../src/jobs/store.ts';
import { openStore, type Store } from '../../src/store/sqlite-store.ts';
import { spec } from './fixture.ts';

const FEW = 10_000;
const MANY = 1_000_000;
const BASE = 1_700_000_000_000;

let folder: string;
const stores = new Map<number, Store>();

/** Rows as the store writes them, made by SQLite itself; one a millisecond. */
const fill = (path: string, rows: number): void => {
  const db = new Database(path);
  db.pragma('synchronous = OFF');
  db.exec(`
    DROP TRIGGER jobs_inserted;
    BEGIN;
    INSERT INTO jobs (id, owner, created_at, name, image, spec, status, started_at, finished_at, exit_code)
      WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < ${rows - 1})
      SELECT substr(hex, 1, 8) || '-' || substr(hex, 9) || printf('-7000-8000-%012x', i),
        CASE WHEN i % 1000 = 0 THEN 'alice' ELSE 'admin' END, ${BASE} + i,
        CASE WHEN i % 5000 = 0 THEN 'nightly' END, 'alpine', '${JSON.stringify(spec)}',
        'COMPLETED', ${BASE} + i, ${BASE} + i, 0
      FROM (SELECT i, printf('%012x', ${BASE} + i) AS hex FROM number);
    INSERT INTO labels (key, value, job_id) SELECT 'team', 'blue', id FROM jobs WHERE created_at % 2000 = 0;
    UPDATE jobs SET pinned = 1 WHERE created_at % 1000 = 0;
    COMMIT;
    CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
      INSERT INTO job_events (job_id, status) VALUES (NEW.id, NEW.status);
    END;
  `);
  db.close();
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-million-'));
  for (const rows of [FEW, MANY]) {
    const path = join(folder, `${rows}.db`);
    await openStore(path).close();
    fill(path, rows);
    stores.set(rows, openStore(path));
  }
}, 300_000);

afterAll(async () => {
  for (const store of stores.values()) await store.close();
  rmSync(folder, { recursive: true });
});

const storeOf = (rows: number): Store => {
  const store = stores.get(rows);
  if (store === undefined) throw new Error('not filled');
  return store;
};

const idAt = (index: number): string => {
  const hex = (BASE + index).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`;
};

/** Milliseconds of the fastest of some pages of 50: what else the machine does makes others slower. */
const time = async (store: JobStore, change: Partial<PageRequest>): Promise<number> => {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 15; round++) {
    const began = performance.now();
    await store.list({ limit: 50, backward: false, order: 'NEWEST_FIRST', filter: {}, ...change });
    best = Math.min(best, performance.now() - began);
  }
  return best;
};

const FILTERS: readonly (readonly [name: string, filter: JobFilter])[] = [
  ['nothing', {}],
  ['a status', { status: ['COMPLETED'] }],
  ['a status that none has', { status: ['RUNNING', 'QUEUED'] }],
  ['an owner', { owner: 'alice' }],
  ['a name', { name: 'nightly' }],
  ['an image', { image: 'alpine' }],
  ['a label', { label: { key: 'team', value: 'blue' } }],
  ['a time', { createdAfter: new Date(BASE + 3000), createdBefore: new Date(BASE + 8000) }],
];

describe('a page of a million jobs', () => {
  it.each(FILTERS)('filtered by %s takes as long as one of ten thousand', async (_name, filter) => {
    const few = await time(storeOf(FEW), { filter });
    const many = await time(storeOf(MANY), { filter });
    // A few levels more of each tree, and nothing that grows with the rows, of which there are a hundred times more.
    expect(many).toBeLessThan(8 * few + 1);
  });

  it.each(['NEWEST_FIRST', 'OLDEST_FIRST'] as const)(
    'takes the same time at any depth, %s',
    async (order) => {
      const store = storeOf(MANY);
      const depths = [10, MANY / 2, MANY - 10];
      const times: number[] = [];
      for (const depth of depths) times.push(await time(store, { order, after: idAt(depth) }));
      expect(Math.max(...times)).toBeLessThan(8 * Math.min(...times) + 1);
    },
  );

  it('takes no longer where a cursor and a time bound it on the same side', async () => {
    const store = storeOf(MANY);
    const filter = { createdAfter: new Date(BASE + 3000) };
    const page = { order: 'OLDEST_FIRST', filter } as const;
    const shallow = await time(store, { ...page, after: idAt(4000) });
    const deep = await time(store, { ...page, after: idAt(MANY / 2) });
    expect(deep).toBeLessThan(8 * shallow + 1);
  });

  it('is followed by the next one without a gap', async () => {
    const store = storeOf(MANY);
    const page = { limit: 50, backward: false, order: 'OLDEST_FIRST', filter: {} } as const;
    const first = await store.list({ ...page, after: idAt(MANY / 2) });
    expect(first.jobs.map(({ id }) => id)).toEqual(
      Array.from({ length: 50 }, (_, index) => idAt(MANY / 2 + 1 + index)),
    );
  });
});

describe('the number of a million jobs', () => {
  const counted = async (rows: number, filter: JobFilter): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 15; round++) {
      const began = performance.now();
      await storeOf(rows).total(filter);
      best = Math.min(best, performance.now() - began);
    }
    return best;
  };

  it.each(FILTERS.slice(1))('filtered by %s is counted as fast as of ten thousand', async (_name, filter) => {
    expect(await counted(MANY, filter)).toBeLessThan(8 * (await counted(FEW, filter)) + 1);
  });

  it('is exact up to a bound, and without a filter', async () => {
    expect(await storeOf(MANY).total({ status: ['COMPLETED'] })).toEqual({ count: 10_000, isExact: false });
    expect(await storeOf(MANY).total({ owner: 'alice' })).toEqual({ count: 1000, isExact: true });
    expect(await storeOf(FEW).total({ status: ['COMPLETED'] })).toEqual({ count: 10_000, isExact: true });
    expect(await storeOf(MANY).total({ status: ['QUEUED', 'COMPLETED', 'LOST'] })).toEqual({
      count: 10_000,
      isExact: false,
    });
    expect(await storeOf(MANY).total({})).toEqual({ count: MANY, isExact: true });
  });

  it('does not slow down the queries of a start', async () => {
    const began = process.threadCpuUsage();
    await storeOf(MANY).stdinToMove();
    await storeOf(MANY).images.retarget('alpine', 'of another content');
    const { user, system } = process.threadCpuUsage(began);
    expect(user + system).toBeLessThan(50_000);
  });
});

describe('retention among a million jobs', () => {
  it('finds the oldest at once', async () => {
    const store = storeOf(MANY);
    const began = process.threadCpuUsage();
    const [oldest] = await store.oldest(50);
    const { user, system } = process.threadCpuUsage(began);
    expect(oldest?.id).toBe(idAt(1));
    expect(user + system).toBeLessThan(100_000);
  });

  it('counts them once, in steps between which others get their turn, and is exact from then on', async () => {
    const store = storeOf(MANY);
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      while (!isOver) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
    })();
    const pinned = MANY / 1000;
    expect((await store.kept()).jobs).toBe(MANY - pinned);
    isOver = true;
    await others;
    expect(turns).toBeGreaterThanOrEqual(100);
    await store.setPinned(idAt(0), false);
    const began = process.threadCpuUsage();
    expect((await store.kept()).jobs).toBe(MANY - pinned + 1);
    const { user, system } = process.threadCpuUsage(began);
    expect(user + system).toBeLessThan(20_000);
    await store.setPinned(idAt(0), true);
  });
});
