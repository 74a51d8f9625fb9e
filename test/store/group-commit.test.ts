/** Writes that share a transaction. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StoreFullError } from '../../src/jobs/store.ts';
import type { Connection } from '../../src/store/connection.ts';
import { openDatabase } from '../../src/store/database.ts';
import { type Disk, GroupCommit } from '../../src/store/group-commit.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { WriteAheadLog } from '../../src/store/write-ahead-log.ts';
import { disposers } from '../support/disposers.ts';
import { makeJob } from './fixture.ts';

const onEnd = disposers();
let path: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-commit-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'cloister.db');
});

const WAL_HEADER = 32;
const FRAME_HEADER = 24;

/**
 * How many transactions lie in the write-ahead log: the frames that end one (sqlite.org/fileformat2.html section 4).
 * Read by another process: closing a descriptor of the file in this one would drop SQLite's locks.
 */
const commits = (): number => {
  const wal = execFileSync('cat', [`${path}-wal`], { maxBuffer: 64 << 20 });
  const page = wal.readUInt32BE(8);
  let count = 0;
  for (let at = WAL_HEADER; at + FRAME_HEADER <= wal.length; at += FRAME_HEADER + page) {
    // Frames of before the last reset of the log have other salts.
    const current = wal.subarray(at + 8, at + 16).equals(wal.subarray(16, 24));
    if (current && wal.readUInt32BE(at + 4) !== 0) count += 1;
  }
  return count;
};

describe('a burst of writes', () => {
  it('waits for the disk once', async () => {
    const store = openStore(path);
    onEnd(() => store.close());
    const first = makeJob();
    await store.insert(first);
    const before = commits();
    const jobs = Array.from({ length: 100 }, () => makeJob());
    await Promise.all([
      ...jobs.map((job) => store.insert(job)),
      store.transition(first.id, ['QUEUED'], { status: 'RUNNING', startedAt: new Date(), pausedAt: null }),
    ]);
    expect(commits() - before).toBe(1);
    expect(await store.count({ status: ['QUEUED'] })).toBe(100);
    await store.insert(makeJob());
    expect(commits() - before).toBe(2);
  });

  it('leaves the server time for others if it is large, and is written completely and in order', async () => {
    const store = openStore(path);
    const order: number[] = [];
    const jobs = Array.from({ length: 300 }, () => makeJob());
    const writes = jobs.map((job, index) => store.insert(job).then(() => order.push(index)));
    let turns = 0;
    while (order.length < 300) {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(order).toEqual([...order.keys()]);
    await Promise.all(writes);
    // What is left when it is closed is written as well.
    const more = Array.from({ length: 300 }, () => store.insert(makeJob()));
    await store.close();
    await Promise.all(more);
    const again = openStore(path);
    onEnd(() => again.close());
    expect(await again.count({})).toBe(600);
  });

  it('is carried out in the order in which it came', async () => {
    const store = openStore(path);
    onEnd(() => store.close());
    const job = makeJob();
    const running = { status: 'RUNNING', startedAt: new Date(), pausedAt: null } as const;
    const [, started, again] = await Promise.all([
      store.insert(job),
      store.transition(job.id, ['QUEUED'], running),
      store.transition(job.id, ['QUEUED'], running),
    ]);
    expect(started?.state.status).toBe('RUNNING');
    expect(again).toBeUndefined();
  });

  it('is on disk when a store is closed right after it', async () => {
    const store = openStore(path);
    const inserted = store.insert(makeJob());
    await store.close();
    await inserted;
    const next = openStore(path);
    onEnd(() => next.close());
    expect(await next.count({})).toBe(1);
  });
});

/** A disk that is as slow as a test wants it to be, and can fail. */
class SlowDisk implements Disk {
  readonly #syncs: PromiseWithResolvers<void>[] = [];
  begun = 0;

  sync(): Promise<void> {
    const sync = Promise.withResolvers<void>();
    this.#syncs.push(sync);
    this.begun += 1;
    return sync.promise;
  }

  /** What the disk does after a sync. */
  tidying: Promise<void> | undefined;

  tidy(): Promise<void> | undefined {
    return this.tidying;
  }

  /** Ends the oldest sync. */
  end(error?: Error): void {
    const sync = this.#syncs.shift();
    if (error === undefined) sync?.resolve();
    else sync?.reject(error);
  }
}

describe('a write on a slow disk', () => {
  let db: Connection;
  let disk: SlowDisk;
  let commit: GroupCommit;
  let failures: Error[];
  let done: number[];

  beforeEach(() => {
    db = openDatabase(path);
    onEnd(() => db.close());
    db.exec('CREATE TABLE t (n INTEGER UNIQUE) STRICT');
    disk = new SlowDisk();
    failures = [];
    done = [];
    commit = new GroupCommit(db, disk, { failed: (error) => failures.push(error) });
  });

  const insert = async (n: number): Promise<void> => {
    await commit.write(() => db.prepare('INSERT INTO t VALUES (?)').run(n));
    done.push(n);
  };
  const numbers = () => db.prepare('SELECT n FROM t ORDER BY n').pluck().all();
  /** Enough for whatever does not wait for the disk. */
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('is acknowledged by the sync that begins after it, in which all share that came meanwhile', async () => {
    const writes = [insert(1)];
    await turns();
    writes.push(insert(2), insert(3));
    await turns();
    expect([disk.begun, done, numbers()]).toEqual([1, [], [1]]);
    disk.end();
    await turns();
    expect([disk.begun, done, numbers()]).toEqual([2, [1], [1, 2, 3]]);
    disk.end();
    await Promise.all(writes);
    expect(done).toEqual([1, 2, 3]);
    await turns();
    expect(disk.begun).toBe(2);
  });

  it('can be read before, by readers that wait for the same sync', async () => {
    expect(commit.durable()).toBeUndefined();
    const write = insert(1);
    await turns();
    const read = commit.durable()?.then(() => done.push(-1));
    await turns();
    expect([done, numbers()]).toEqual([[], [1]]);
    disk.end();
    await read;
    // Those who wrote are first.
    expect(done).toEqual([1, -1]);
    expect(commit.durable()).toBeUndefined();
    await write;
  });

  it('that is one of very many is committed meanwhile, and read by readers that wait for the next sync', async () => {
    const writes = [insert(0)];
    await turns();
    for (let n = 1; n <= 300; n++) writes.push(insert(n));
    await turns();
    expect([disk.begun, numbers().length]).toEqual([1, 257]);
    let isDurable = false;
    const read = commit.durable()?.then(() => {
      isDurable = true;
    });
    disk.end();
    await turns();
    expect([isDurable, done, disk.begun]).toEqual([false, [0], 2]);
    disk.end();
    await Promise.all([read, ...writes]);
    expect([done.length, disk.begun]).toEqual([301, 2]);
  });

  it('is not committed during a checkpoint, however many wait', async () => {
    const tidying = Promise.withResolvers<void>();
    disk.tidying = tidying.promise;
    const writes = [insert(0)];
    await turns();
    for (let n = 1; n <= 200; n++) writes.push(insert(n));
    disk.end();
    await turns();
    disk.tidying = undefined;
    writes.push(insert(201));
    await turns();
    expect([numbers().length, done, disk.begun]).toEqual([1, [0], 1]);
    tidying.resolve();
    await turns();
    expect([numbers().length, disk.begun]).toEqual([129, 2]);
    disk.end();
    await turns();
    expect([numbers().length, done.length, disk.begun]).toEqual([202, 129, 3]);
    disk.end();
    await Promise.all(writes);
    expect(done).toHaveLength(202);
  });

  it('is in the transaction of the write that asks for it', async () => {
    const outer = commit.write(() => {
      db.prepare('INSERT INTO t VALUES (1)').run();
      return insert(2);
    });
    await turns();
    expect([disk.begun, numbers()]).toEqual([1, [1, 2]]);
    disk.end();
    await outer;
    await turns();
    expect([done, disk.begun]).toEqual([[2], 1]);
  });

  it('that fails alone is undone with those that it asked for', async () => {
    const inner: Promise<unknown>[] = [];
    const bad = commit.write(() => {
      inner.push(Promise.allSettled([insert(3)]));
      db.prepare('INSERT INTO t VALUES (1)').run();
      throw new Error('undone');
    });
    await expect(bad).rejects.toThrow('undone');
    expect(await Promise.all(inner)).toMatchObject([[{ status: 'rejected' }]]);
    expect([numbers(), done, disk.begun]).toEqual([[], [], 0]);
  });

  it('that fails is never acknowledged, nor is any later one, and nothing is read', async () => {
    const error = new Error('EIO');
    const settled = Promise.allSettled([insert(1)]);
    await turns();
    const waiting = Promise.allSettled([insert(2), commit.durable()]);
    disk.end(error);
    const rejected = { status: 'rejected', reason: error };
    expect([...(await settled), ...(await waiting)]).toEqual([rejected, rejected, rejected]);
    expect(await Promise.allSettled([insert(3), commit.durable()])).toEqual([rejected, rejected]);
    await commit.flush();
    expect([failures, done, disk.begun, commit.hasFailed]).toEqual([[error], [], 1, true]);
  });
});

describe('a write that fails', () => {
  let db: Connection;
  let commit: GroupCommit;

  beforeEach(() => {
    db = openDatabase(path);
    onEnd(() => db.close());
    db.exec('CREATE TABLE t (n INTEGER UNIQUE) STRICT');
    const log = new WriteAheadLog(db, path);
    onEnd(() => log.close());
    commit = new GroupCommit(db, log);
  });

  const insert = (...numbers: number[]) =>
    commit.write(() => {
      for (const n of numbers) db.prepare('INSERT INTO t VALUES (?)').run(n);
    });
  const numbers = () => db.prepare('SELECT n FROM t ORDER BY n').pluck().all();

  it('undoes what it did itself and nothing of the others', async () => {
    const results = await Promise.allSettled([insert(1), insert(2, 1), insert(3)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(numbers()).toEqual([1, 3]);
  });

  it('to commit fails all of its group, and leaves the next ones alone', async () => {
    // Deferred, so that it is the commit that fails.
    db.exec('CREATE TABLE child (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED) STRICT');
    const orphan = commit.write(() => db.prepare('INSERT INTO child VALUES (9)').run());
    const results = await Promise.allSettled([insert(1), orphan]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(numbers()).toEqual([]);
    await insert(4);
    expect(numbers()).toEqual([4]);
  });

  it('without room fails with that reason, and succeeds when there is room', async () => {
    await insert(1);
    db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
    const many = Array.from({ length: 5000 }, (_, index) => index + 2);
    await expect(insert(...many)).rejects.toThrow(StoreFullError);
    expect(numbers()).toEqual([1]);
    db.pragma('max_page_count = 1000000');
    await insert(...many);
    expect(numbers()).toEqual([1, ...many]);
  });
});
