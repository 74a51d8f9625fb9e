/** Opening, checking and migrating the database. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/id.ts';
import { DatabaseError } from '../../src/store/connection.ts';
import { openDatabase } from '../../src/store/database.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { makeJob } from './fixture.ts';

const onEnd = disposers();
let path: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-database-'));
  path = join(folder, 'cloister.db');
  onEnd(() => rmSync(folder, { recursive: true }));
});

/** Opens the file with nothing of ours around it. */
const openRaw = (): Database.Database => {
  const db = new Database(path);
  onEnd(() => db.close());
  return db;
};

const VERSION_1_JOB = makeJob({ name: 'old', labels: [{ key: 'k', value: 'v' }] });

/** Makes a database of version 1 that holds one job with a label. */
const makeVersion1 = (): Database.Database => {
  const db = openRaw();
  db.exec(MIGRATIONS[0] ?? '');
  db.pragma('application_id = 0x434c5354');
  db.pragma('user_version = 1');
  const { id, owner, createdAt, spec } = VERSION_1_JOB;
  const { stdinBytes: stdin, ...stored } = spec;
  db.prepare(
    `INSERT INTO jobs (id, owner, created_at, name, image, spec, status) VALUES (?, ?, ?, ?, ?, ?, 'QUEUED')`,
  ).run(id, owner, createdAt.getTime(), spec.name, spec.image, JSON.stringify({ ...stored, stdin }));
  db.prepare(`INSERT INTO labels (job_id, key, value) VALUES (?, 'k', 'v')`).run(id);
  return db;
};

describe('a standard input in a row', () => {
  it('of an earlier version is given out once, whatever is in it, and then only its size is kept', async () => {
    const db = makeVersion1();
    const jobs = ['größer\0"', null, 'x'].map((stdin) => ({ id: newJobId(), stdin }));
    const insert = db.prepare(
      `INSERT INTO jobs (id, owner, created_at, image, spec, status) VALUES (?, 'o', 0, 'alpine', ?, 'QUEUED')`,
    );
    const { stdinBytes: _, ...spec } = VERSION_1_JOB.spec;
    for (const { id, stdin } of jobs) insert.run(id, JSON.stringify({ ...spec, stdin }));
    db.close();
    const store = openStore(path);
    onEnd(() => store.close());
    const bytes = async () => Promise.all(jobs.map(async ({ id }) => (await store.get(id))?.spec.stdinBytes));
    expect(await bytes()).toEqual([10, null, 1]);
    const moved = new Map<string, string>();
    for (let next = await store.stdinToMove(); next !== undefined; next = await store.stdinToMove()) {
      moved.set(next.id, next.text);
      await store.stdinMoved(next.id);
    }
    expect([...moved]).toEqual(
      expect.arrayContaining([
        [jobs[0]?.id, jobs[0]?.stdin],
        [jobs[2]?.id, 'x'],
      ]),
    );
    expect(moved.size).toBe(2);
    expect(await bytes()).toEqual([10, null, 1]);
    const raw = openRaw().prepare("SELECT spec ->> '$.stdin' AS stdin FROM jobs ORDER BY id").pluck().all();
    expect(raw).toEqual(expect.arrayContaining([10, 1]));
  });
});

describe('a large command or environment in a row', () => {
  it('of an earlier version is moved to a row of its own', async () => {
    const db = makeVersion1();
    const command = { kind: 'argv', argv: ['echo', 'ö"\n'.repeat(3000)] };
    const env = [{ name: 'A', value: 'x'.repeat(5000) }];
    const { stdinBytes: stdin, ...spec } = VERSION_1_JOB.spec;
    const jobs = [{ command }, { env }, { command, env }, {}].map((change) => ({ id: newJobId(), change }));
    for (const { id, change } of jobs)
      db.prepare(
        `INSERT INTO jobs (id, owner, created_at, image, spec, status) VALUES (?, 'o', 0, 'alpine', ?, 'QUEUED')`,
      ).run(id, JSON.stringify({ ...spec, stdin, ...change }));
    db.close();
    const store = openStore(path);
    onEnd(() => store.close());
    for (const { id, change } of jobs) {
      const found = (await store.get(id))?.spec;
      if (found === undefined) throw new Error('the job is gone');
      expect(JSON.stringify(found).length).toBeLessThan(1500);
      if ('command' in change) expect(found.command).toMatchObject({ kind: 'apart', form: 'argv', id });
      else expect(found.command).toEqual(spec.command);
      expect(await store.command(id)).toEqual(change.command);
      expect(await store.env(id)).toEqual(change.env);
    }
  });
});

describe('a connection', () => {
  it('waits for the disk at each commit, holds foreign keys, and bounds its waiting and its WAL', () => {
    const db = openDatabase(path);
    onEnd(() => db.close());
    // Written to first: the default of `synchronous` in this build takes hold with the first write in WAL mode.
    db.exec(`INSERT INTO jobs (id, owner, created_at, image, spec, status)
      VALUES ('01890000-0000-7000-8000-000000000000', 'o', 0, 'i', '{}', 'QUEUED')`);
    const settings = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout', 'journal_size_limit'];
    expect(Object.fromEntries(settings.map((name) => [name, db.pragma(name, { simple: true })]))).toEqual({
      journal_mode: 'wal',
      synchronous: 2,
      foreign_keys: 1,
      busy_timeout: 1000,
      journal_size_limit: 64 * 1024 * 1024,
    });
  });
});

describe('a file', () => {
  it('is marked as ours and with its version', () => {
    openDatabase(path).close();
    const db = openRaw();
    expect(db.pragma('application_id', { simple: true })).toBe(0x434c5354);
    expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
  });

  it('of version 1 is brought to the present one with all that it holds', async () => {
    makeVersion1().close();
    const store = openStore(path);
    onEnd(() => store.close());
    expect(await store.get(VERSION_1_JOB.id)).toEqual(VERSION_1_JOB);
    const { jobs } = await store.list({
      limit: 2,
      backward: false,
      order: 'OLDEST_FIRST',
      filter: { label: { key: 'k', value: 'v' } },
    });
    expect(jobs).toEqual([VERSION_1_JOB]);
  });

  it('whose migration fails stays as it was', () => {
    const db = makeVersion1();
    db.pragma('foreign_keys = OFF');
    db.exec(`INSERT INTO labels (job_id, key, value) VALUES ('nosuch', 'k', 'v')`);
    const schema = db.prepare('SELECT sql FROM sqlite_schema').all();
    db.close();
    expect(() => openDatabase(path)).toThrow(`${path}: version 2 would leave 1 rows without their job`);
    const after = openRaw();
    expect(after.pragma('user_version', { simple: true })).toBe(1);
    expect(after.prepare('SELECT sql FROM sqlite_schema').all()).toEqual(schema);
    expect(after.prepare('SELECT count(*) FROM labels').pluck().get()).toBe(2);
  });

  it('of a newer version is refused and not a byte of it changed', () => {
    openDatabase(path).close();
    const db = openRaw();
    db.pragma('user_version = 999');
    db.close();
    const before = readFileSync(path);
    expect(() => openDatabase(path)).toThrow(
      `${path}: expected a database of version ${MIGRATIONS.length} or older, got version 999: it is a newer Cloister's`,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('of another program is refused and not a byte of it changed', () => {
    const db = openRaw();
    db.exec('CREATE TABLE theirs (x)');
    db.close();
    const before = readFileSync(path);
    expect(() => openDatabase(path)).toThrow(
      `${path}: expected a database of Cloister, got one with application id 0`,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('that is not a database is refused', () => {
    writeFileSync(path, 'something else '.repeat(1000));
    expect(() => openDatabase(path)).toThrow(new DatabaseError(`${path}: file is not a database`));
  });

  it('that is damaged is refused', async () => {
    const store = openStore(path);
    for (let index = 0; index < 50; index++) await store.insert(makeJob());
    await store.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096 * 3);
    writeFileSync(path, bytes);
    let failure: unknown;
    try {
      openDatabase(path).close();
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(DatabaseError);
    expect(String(failure)).toContain(path);
  });

  it('in a folder that does not exist is refused', () => {
    expect(() => openDatabase(join(path, 'nosuch', 'cloister.db'))).toThrow(DatabaseError);
  });
});

describe('the table of jobs', () => {
  const insert = (columns: Record<string, string | number>): void => {
    const db = openDatabase(path);
    onEnd(() => db.close());
    const row = {
      id: VERSION_1_JOB.id,
      owner: 'admin',
      created_at: 0,
      image: 'alpine',
      spec: '{}',
      ...columns,
    };
    const names = Object.keys(row);
    db.prepare(
      `INSERT INTO jobs (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`,
    ).run(row);
  };
  const over = { started_at: 1, finished_at: 2 };

  it.each([
    { status: 'QUEUED' },
    { status: 'RUNNING', started_at: 1 },
    { status: 'COMPLETED', ...over, exit_code: 0 },
    { status: 'STOPPED', finished_at: 2 },
    { status: 'LIMIT_EXCEEDED', ...over, signal: 'SIGKILL', limit_exceeded: 'TIME', error: 'late' },
    { status: 'LOST', ...over, error: 'gone' },
    { status: 'FAILED', finished_at: 2, error: 'no' },
  ])('takes %o', (columns) => {
    expect(() => insert(columns)).not.toThrow();
  });

  it.each([
    { status: 'PAUSED' },
    { status: 'QUEUED', started_at: 1 },
    { status: 'QUEUED', finished_at: 2 },
    { status: 'RUNNING' },
    { status: 'RUNNING', started_at: 1, exit_code: 0 },
    { status: 'RUNNING', started_at: 1, usage: '{}' },
    { status: 'COMPLETED', ...over },
    { status: 'COMPLETED', started_at: 1, exit_code: 0 },
    { status: 'COMPLETED', ...over, exit_code: 0, signal: 'SIGKILL' },
    { status: 'COMPLETED', ...over, exit_code: 0, error: 'but' },
    { status: 'COMPLETED', ...over, exit_code: 0, usage: 'no JSON' },
    { status: 'LIMIT_EXCEEDED', ...over, exit_code: 0, error: 'late' },
    { status: 'LIMIT_EXCEEDED', ...over, exit_code: 0, limit_exceeded: 'LUCK', error: 'late' },
    { status: 'LIMIT_EXCEEDED', ...over, limit_exceeded: 'TIME', error: 'late' },
    { status: 'LOST', ...over },
    { status: 'LOST', finished_at: 2, error: 'gone' },
    { status: 'FAILED', finished_at: 2 },
    { status: 'FAILED', ...over, error: 'no' },
  ])('refuses %o', (columns) => {
    expect(() => insert(columns)).toThrow('CHECK constraint failed');
  });

  it('refuses a value of another type', () => {
    expect(() => insert({ status: 'QUEUED', created_at: 'yesterday' })).toThrow('cannot store TEXT value');
  });
});
