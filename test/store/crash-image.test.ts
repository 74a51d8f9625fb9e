/** What was acknowledged is in every copy of the database that is taken under load. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { at, makeJob } from './fixture.ts';

const onEnd = disposers();

/**
 * As a disk would hold it if the machine went down now. By other processes: a close in this one would drop its locks.
 *
 * The database first: what a checkpoint moves there meanwhile is still in the WAL, unless a writer has restarted that.
 * Then the two files are not of one moment and are copied again: its header has other salts (sqlite.org/fileformat2.html#walformat).
 */
const image = async (from: string, to: string): Promise<void> => {
  const line =
    'head -c 32 "$1/cloister.db-wal" >"$2/before"; cp "$1/cloister.db" "$2"; cp "$1/cloister.db-wal" "$2"; ' +
    'head -c 32 "$1/cloister.db-wal" >"$2/after"';
  do await once(spawn('sh', ['-c', line, 'sh', from, to], { stdio: 'inherit' }), 'close');
  while (!readFileSync(join(to, 'before')).equals(readFileSync(join(to, 'after'))));
};

it('whatever was answered is in what a crash leaves, at any moment, and that is whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-crash-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const store = openStore(join(folder, 'cloister.db'));
  onEnd(() => store.close());
  const answered = new Map<string, string>();
  let over = false;
  const writing = (async () => {
    while (!over) {
      const job = makeJob({ labels: [{ key: 'k', value: 'v' }] });
      await store.insert(job);
      answered.set(job.id, 'QUEUED');
      if (answered.size % 3 !== 0) continue;
      await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(1), pausedAt: null });
      answered.set(job.id, 'RUNNING');
    }
  })();
  try {
    for (let round = 0; round < 25; round++) {
      const copy = mkdtempSync(join(folder, 'copy-'));
      const known = new Map(answered);
      await image(folder, copy);
      const db = new Database(join(copy, 'cloister.db'));
      try {
        expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
        const rows = db.prepare('SELECT id, status FROM jobs').all() as { id: string; status: string }[];
        const found = new Map(rows.map(({ id, status }) => [id, status]));
        for (const [id, status] of known)
          expect([id, found.get(id)]).toEqual([id, status === 'QUEUED' ? expect.any(String) : status]);
        expect(db.prepare('SELECT count(*) FROM labels').pluck().get()).toBe(rows.length);
      } finally {
        db.close();
      }
      rmSync(copy, { recursive: true });
    }
  } finally {
    over = true;
    await writing;
  }
  expect(answered.size).toBeGreaterThan(25);
});
