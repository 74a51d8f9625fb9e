/** Which jobs that have ended are removed and compressed, and when. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { LogReaders } from '../../src/jobs/readers.ts';
import { Removal } from '../../src/jobs/removal.ts';
import { Retention, type RetentionSettings } from '../../src/jobs/retention.ts';
import type { JobStore } from '../../src/jobs/store.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { storeSpec } from '../../src/store/stored.ts';
import { at, makeJob } from '../store/fixture.ts';
import { disposers } from '../support/disposers.ts';
import { FakeCells } from './fake-cells.ts';

const onEnd = disposers();
let store: JobStore;
let cells: FakeCells;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-retention-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  store = openStore(join(folder, 'cloister.db'));
  onEnd(() => store.close());
  cells = new FakeCells();
});

/** Bytes of the row of such a job. */
const ROW = Buffer.byteLength(storeSpec(makeJob().spec));

/** A job that ended at a time, in milliseconds of the test, with a folder of 10 bytes. */
const ended = async (ms: number): Promise<string> => {
  const job = makeJob();
  await store.insert(job);
  cells.make(job.id);
  const failed = { status: 'FAILED', finishedAt: at(ms), error: 'it' } as const;
  await store.transition(job.id, ['QUEUED'], failed, { diskBytes: 10 });
  return job.id;
};

/** Does all that is due at a time. */
const sweep = async (ms: number, change: Partial<RetentionSettings>): Promise<void> => {
  const log = (line: string): void => expect.unreachable(line);
  const removal = new Removal({ store, cells, readers: new LogReaders(), log });
  const settings = { ageMs: null, jobs: null, bytes: null, packAfterMs: null, ...change };
  const retention = new Retention({ settings, store, cells, removal, log, now: () => at(ms).getTime() });
  await retention.sweep();
  await retention.close();
  await removal.close();
};

const kept = async (ids: readonly string[]): Promise<readonly boolean[]> =>
  Promise.all(ids.map(async (id) => (await store.get(id)) !== undefined));

it('removes what is too old, to the millisecond, and what there is of it', async () => {
  const ids = [await ended(100), await ended(200), await ended(300)];
  await sweep(1200, { ageMs: 1000 });
  expect(await kept(ids)).toEqual([false, true, true]);
  expect(ids.map((id) => cells.cells.has(id))).toEqual([false, true, true]);
  expect(await store.removals()).toEqual([]);
});

it('removes the oldest of what is too many', async () => {
  const ids = [await ended(300), await ended(100), await ended(200)];
  await sweep(1000, { jobs: 2 });
  expect(await kept(ids)).toEqual([true, false, true]);
});

it('removes the oldest of what takes too many bytes', async () => {
  const ids = [await ended(300), await ended(100), await ended(200)];
  await sweep(1000, { bytes: 19 + 2 * ROW });
  expect(await kept(ids)).toEqual([true, false, false]);
});

it('keeps what is pinned and what has not ended, and counts neither', async () => {
  const ids = [await ended(100), await ended(200), await ended(300)];
  await store.setPinned(ids[0] ?? '', true);
  const open = makeJob();
  await store.insert(open);
  await sweep(1_000_000, { jobs: 1 });
  expect(await kept([...ids, open.id])).toEqual([true, false, true, true]);
});

it('removes more than one step takes', async () => {
  const ids: string[] = [];
  for (let ms = 0; ms < 120; ms++) ids.push(await ended(ms));
  await sweep(10_000, { jobs: 3 });
  expect((await kept(ids)).lastIndexOf(false)).toBe(116);
  expect(await store.kept()).toMatchObject({ jobs: 3 });
});

it('compresses each log once, when it is old enough', async () => {
  const [old, young] = [await ended(100), await ended(900)];
  for (const _ of ['first', 'again']) await sweep(1000, { packAfterMs: 500 });
  expect(cells.steps).toEqual([`compress ${old}`]);
  await sweep(2000, { packAfterMs: 500 });
  expect(cells.steps).toEqual([`compress ${old}`, `compress ${young}`]);
  // Its size is known then.
  expect(await store.kept()).toEqual({ jobs: 2, bytes: 14 + 2 * ROW });
});
