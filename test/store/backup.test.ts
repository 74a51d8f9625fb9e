/** Copies of the database. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { backUp } from '../../src/store/backup.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { makeJob } from './fixture.ts';

const onEnd = disposers();
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-backup-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'cloister.db');
});

describe('a backup', () => {
  it('holds what had been committed, and is a database that a server opens', async () => {
    const store = openStore(path);
    onEnd(() => store.close());
    const job = makeJob();
    await store.insert(job, { key: 'k', digest: 'd' });
    const copy = join(folder, 'copy.db');
    backUp(path, copy);
    await store.insert(makeJob());
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const restored = openStore(copy);
    onEnd(() => restored.close());
    expect(await restored.count({})).toBe(1);
    expect(await restored.get(job.id)).toEqual(job);
    expect(await restored.insert(makeJob(), { key: 'k', digest: 'd' })).toMatchObject({ kind: 'repeated' });
  });

  it('is of one moment, while jobs are accepted', async () => {
    const store = openStore(path);
    onEnd(() => store.close());
    const labels = [{ key: 'k', value: 'v' }];
    const copies: string[] = [];
    const keepInserting = async (until: Promise<unknown>): Promise<void> => {
      let over = false;
      until.finally(() => {
        over = true;
      });
      while (!over) await Promise.all(Array.from({ length: 20 }, () => store.insert(makeJob({ labels }))));
    };
    for (let round = 0; round < 5; round++) {
      const copy = join(folder, `copy-${round}.db`);
      // By another process, as the command does it.
      const script = `import { backUp } from '${join(import.meta.dirname, '../../src/store/backup.ts')}'; backUp('${path}', '${copy}');`;
      const copied = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      const going = keepInserting(copied);
      copies.push(copy);
      await copied;
      await going;
    }
    const sizes: number[] = [];
    for (const copy of copies) {
      const db = new Database(copy, { readonly: true });
      const count = (table: string) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
      expect(count('jobs')).toBe(count('labels'));
      expect(Number(count('jobs')) % 20).toBe(0);
      sizes.push(Number(count('jobs')));
      db.close();
    }
    // They were taken of a database that grew.
    expect(new Set(sizes).size).toBe(copies.length);
  });

  it('overwrites nothing, and leaves nothing behind when it fails', () => {
    const copy = join(folder, 'copy.db');
    expect(() => backUp(path, copy)).toThrow(`${path}: there is no database`);
    writeFileSync(path, 'no database '.repeat(1000));
    expect(() => backUp(path, copy)).toThrow('file is not a database');
    expect(existsSync(copy)).toBe(false);
    writeFileSync(copy, 'mine');
    expect(() => backUp(path, copy)).toThrow(`${copy}: expected a file that does not exist yet`);
    expect(statSync(copy).size).toBe(4);
    expect(() => backUp(path, join(folder, 'nosuch', 'copy.db'))).toThrow('ENOENT');
  });
});

describe('a database of an older version', () => {
  it('is kept as it was, next to the migrated one', async () => {
    const old = new Database(path);
    old.exec(MIGRATIONS[0] ?? '');
    old.pragma('user_version = 1');
    old.pragma(`application_id = ${0x434c5354}`);
    old.exec(`INSERT INTO jobs (id, owner, created_at, image, spec, status)
      VALUES ('01890000-0000-7000-8000-000000000000', 'o', 0, 'alpine', '{}', 'QUEUED')`);
    old.close();
    await openStore(path).close();
    const kept = new Database(`${path}.version-1`, { readonly: true });
    onEnd(() => kept.close());
    expect(kept.pragma('user_version', { simple: true })).toBe(1);
    expect(kept.prepare('SELECT id FROM jobs').pluck().all()).toEqual([
      '01890000-0000-7000-8000-000000000000',
    ]);
    const before = readdirSync(folder).length;
    await openStore(path).close();
    expect(readdirSync(folder)).toHaveLength(before);
  });

  it('is not kept when there was none', async () => {
    await openStore(path).close();
    expect(readdirSync(folder).filter((name) => name.includes('version'))).toEqual([]);
  });
});
