/** How jobs are removed while their logs are read. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { JobFolders } from '../../src/cells/folders.ts';
import { LogReaders } from '../../src/jobs/readers.ts';
import { Removal } from '../../src/jobs/removal.ts';
import type { JobStore } from '../../src/jobs/store.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { at, makeJob } from '../store/fixture.ts';
import { disposers } from '../support/disposers.ts';

const onEnd = disposers();
let store: JobStore;
let folders: JobFolders;
let readers: LogReaders;
let removal: Removal;
let id: string;

beforeEach(async () => {
  const state = mkdtempSync(join(tmpdir(), 'cloister-removal-'));
  onEnd(() => rmSync(state, { recursive: true }));
  store = openStore(join(state, 'cloister.db'));
  onEnd(() => store.close());
  folders = new JobFolders(state);
  readers = new LogReaders();
  removal = new Removal({ store, cells: folders, readers, log: (line) => expect.unreachable(line) });
  const job = makeJob();
  id = job.id;
  await store.insert(job);
  folders.create(id, Buffer.from('plan'), null);
  await store.transition(id, ['QUEUED'], { status: 'FAILED', finishedAt: at(1), error: 'it' });
});

it('leaves the folder of a job until the last of its readers has left', async () => {
  const leave = [readers.enter(id), readers.enter(id)];
  expect(await removal.remove([id])).toEqual([id]);
  expect(await store.get(id)).toBeUndefined();
  leave[0]?.();
  // A second time has no effect.
  leave[0]?.();
  // Whatever would be removed now is gone when the removal of another job, begun later, is.
  const other = makeJob();
  await store.insert(other);
  folders.create(other.id, Buffer.from('plan'), null);
  await store.transition(other.id, ['QUEUED'], { status: 'FAILED', finishedAt: at(2), error: 'it' });
  await removal.remove([other.id]);
  await expect.poll(() => store.removals()).toEqual([id]);
  expect(existsSync(folders.path(id))).toBe(true);
  leave[1]?.();
  await expect.poll(() => store.removals()).toEqual([]);
  expect(existsSync(folders.path(id))).toBe(false);
});

it('leaves what waits for readers to the next server', async () => {
  const leave = readers.enter(id);
  await removal.remove([id]);
  const closing = removal.close();
  leave();
  await closing;
  expect(existsSync(folders.path(id))).toBe(true);
  expect(await store.removals()).toEqual([id]);
  await new Removal({ store, cells: folders, readers, log: (line) => expect.unreachable(line) }).recover();
  await expect.poll(() => store.removals()).toEqual([]);
  expect(existsSync(folders.path(id))).toBe(false);
});

it('removes few folders at once of many that an earlier server has left', async () => {
  const others = Array.from({ length: 100 }, () => makeJob());
  for (const other of others) {
    await store.insert(other);
    await store.transition(other.id, ['QUEUED'], { status: 'FAILED', finishedAt: at(2), error: 'it' });
  }
  expect(await store.remove(others.map((other) => other.id))).toHaveLength(100);
  let now = 0;
  let most = 0;
  const cells = {
    remove: async () => {
      most = Math.max(most, ++now);
      await setImmediate();
      now -= 1;
    },
  };
  await new Removal({ store, cells, readers, log: (line) => expect.unreachable(line) }).recover();
  await expect.poll(() => store.removals()).toEqual([]);
  expect(most).toBe(2);
});
