/** What the store offers for retention. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobStore } from '../../src/jobs/store.ts';
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

  it('goes only where it has ended and is not pinned, and is remembered until its folder is gone', async () => {
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
