/** What the store offers for retention. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobStore, Kept } from '../../src/jobs/store.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { storeSpec } from '../../src/store/stored.ts';
import { disposers } from '../support/disposers.ts';
import { at, makeJob } from './fixture.ts';

const onEnd = disposers();
let path: string;
let store: JobStore;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-retention-'));
  path = join(folder, 'cloister.db');
  store = openStore(path);
  onEnd(() => rmSync(folder, { recursive: true }));
  onEnd(() => store.close());
});

const finished = async (ms: number, bytes: number): Promise<string> => {
  const job = makeJob();
  await store.insert(job);
  await store.transition(
    job.id,
    ['QUEUED'],
    { status: 'FAILED', finishedAt: at(ms), error: 'it' },
    { diskBytes: bytes },
  );
  return job.id;
};

/** Bytes of the row of such a job. */
const ROW = Buffer.byteLength(storeSpec(makeJob().spec));

describe('what is kept of jobs that have ended', () => {
  it('is counted, and returned from the oldest on', async () => {
    const late = await finished(300, 5);
    const early = await finished(100, 7);
    const pinned = await finished(50, 100);
    await store.insert(makeJob());
    expect(await store.setPinned(pinned, true)).toMatchObject({ id: pinned, pinned: true });
    expect(await store.setPinned('nosuch', true)).toBeUndefined();
    expect(await store.kept()).toEqual({ jobs: 2, bytes: 12 + 2 * ROW });
    expect(await store.oldest(10)).toEqual([
      { id: early, finishedAt: at(100), bytes: 7 + ROW },
      { id: late, finishedAt: at(300), bytes: 5 + ROW },
    ]);
    expect(await store.oldest(1)).toHaveLength(1);
  });

  /** As SQLite counts it. */
  const recount = (): Kept => {
    const db = new Database(path, { readonly: true });
    const sql = `SELECT count(*) AS jobs, coalesce(sum(disk_bytes), 0) AS bytes FROM jobs
      WHERE finished_at IS NOT NULL AND pinned = 0`;
    const counted = db.prepare<[], Kept>(sql).get();
    db.close();
    if (counted === undefined) throw new Error('a count has a row');
    return counted;
  };

  it('is counted right whatever changes while it is counted and afterwards', async () => {
    const db = new Database(path);
    db.exec(`INSERT INTO jobs (id, owner, created_at, image, spec, status, started_at, finished_at, exit_code, disk_bytes)
      WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < 19999)
      SELECT printf('01890000-0000-7000-8000-%012x', i), 'o', 0, 'alpine', '{}', 'COMPLETED', 0, i / 3, 0, i FROM number`);
    db.close();
    const id = (index: number): string => `01890000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`;
    const counting = store.kept();
    const changes = [2, 4998, 9000, 19_990].flatMap((index) => [
      store.remove([id(index)]),
      store.setPinned(id(index + 1), true),
      store.setDisk(id(index + 3), { bytes: 5, packed: false }),
    ]);
    await finished(1, 7);
    await finished(1e9, 8);
    await counting;
    await Promise.all(changes);
    expect(await store.kept()).toEqual(recount());
    await store.setPinned(id(3), false);
    await store.remove([id(7), id(8), id(9)]);
    expect(await store.kept()).toEqual(recount());
    expect((await store.kept()).jobs).toBe(20_000 + 2 - 4 - 4 + 1 - 3);
  });

  it('is not changed by a write that is undone', async () => {
    const [job, other] = [makeJob(), makeJob()];
    await store.insert(job);
    await store.insert(other);
    const before = await store.kept();
    const failed = { status: 'FAILED', finishedAt: at(1), error: 'it' } as const;
    const bad = store.transition(job.id, ['QUEUED'], failed, { diskBytes: 5, next: other });
    const [undone] = await Promise.allSettled([bad, store.setPinned(other.id, true)]);
    expect(undone.status).toBe('rejected');
    expect(await store.kept()).toEqual(before);
    expect(before).toEqual(recount());
  });

  it('is removed only if it has ended and is not pinned, and is remembered until its folder is removed', async () => {
    const [one, two] = [await finished(1, 1), await finished(2, 1)];
    await store.setPinned(two, true);
    const queued = makeJob();
    await store.insert(queued);
    expect(await store.remove([one, two, queued.id, 'nosuch'])).toEqual([one]);
    expect(await store.get(one)).toBeUndefined();
    expect(await store.removals()).toEqual([one]);
    await store.removed([one]);
    expect(await store.removals()).toEqual([]);
    expect(await store.remove([one])).toEqual([]);
  });

  it('is packed once', async () => {
    const [one, two] = [await finished(100, 1), await finished(200, 1)];
    expect(await store.toPack(at(200), 10)).toEqual([one]);
    await store.setDisk(one, { bytes: 50, packed: true });
    expect(await store.toPack(at(1000), 10)).toEqual([two]);
    expect((await store.oldest(1))[0]?.bytes).toBe(50 + ROW);
  });

  it('is found by indexes alone', () => {
    const db = new Database(path, { readonly: true });
    onEnd(() => db.close());
    const plan = (sql: string): string =>
      (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[])
        .map(({ detail }) => detail)
        .join('; ');
    const some = 'FROM jobs WHERE finished_at IS NOT NULL AND pinned = 0';
    for (const sql of [
      `SELECT count(*), sum(disk_bytes) ${some}`,
      `SELECT id, finished_at, disk_bytes ${some} ORDER BY finished_at, id LIMIT 5`,
    ]) {
      expect(plan(sql)).toContain('COVERING INDEX jobs_by_finish');
      expect(plan(sql)).not.toContain('TEMP B-TREE');
    }
    const toPack =
      'SELECT id FROM jobs WHERE finished_at IS NOT NULL AND packed = 0 AND finished_at < 5 ORDER BY finished_at LIMIT 5';
    expect(plan(toPack)).toContain('COVERING INDEX jobs_to_pack');
    expect(plan(toPack)).not.toContain('TEMP B-TREE');
  });
});
