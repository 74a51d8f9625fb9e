/** The write-ahead log stays small, and a thread makes it so. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { Checkpoints } from '../../src/store/checkpoints.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { makeJob } from './fixture.ts';

const onEnd = disposers();
let path: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-checkpoints-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'cloister.db');
});

const FRAME = 4096 + 24;
const frames = (): number => statSync(`${path}-wal`).size / FRAME;

describe('the write-ahead log', () => {
  it('restarts while writes follow each other, and after a long read', async () => {
    const store = openStore(path, {
      warn: (error) => {
        throw error;
      },
    });
    onEnd(() => store.close());
    const write = async (): Promise<void> => {
      for (let round = 0; round < 60; round++)
        await Promise.all(Array.from({ length: 10 }, () => store.insert(makeJob())));
    };
    // Each time the writes take several times as much as is kept.
    await write();
    await write();
    expect(frames()).toBeLessThan(1500);
    const reader = new Database(path, { readonly: true });
    reader.exec('BEGIN');
    const seen = reader.prepare('SELECT count(*) FROM jobs').pluck();
    expect(seen.get()).toBe(1200);
    await write();
    const most = frames();
    expect(most).toBeGreaterThan(1500);
    expect(seen.get()).toBe(1200);
    reader.close();
    for (let round = 0; round < 3; round++) await write();
    expect(frames()).toBeLessThan(most + 1500);
    expect(await store.count({})).toBe(3600);
  });
});

describe('a thread that has nothing to do', () => {
  it('ends, and another one is started', async () => {
    const db = openDatabase(path);
    onEnd(() => db.close());
    const checkpoints = new Checkpoints(db, path, (error) => {
      throw error;
    });
    onEnd(() => checkpoints.close());
    db.exec('CREATE TABLE t (x)');
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(4000))');
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let round = 0; round < 2; round++) {
      for (let row = 0; row < 1000; row++) insert.run();
      await checkpoints.run();
      expect(open()).toBeGreaterThan(before);
      await expect.poll(open).toBe(before);
    }
  });
});

const sourceOf = (name: string): string =>
  JSON.stringify(new URL(`../../src/store/${name}`, import.meta.url).href);

/** A program that has a thread copy the log of the database that is its argument. */
const COPIES = `
  import { Checkpoints } from ${sourceOf('checkpoints.ts')};
  import { openDatabase } from ${sourceOf('database.ts')};
  const path = process.argv[2];
  const db = openDatabase(path);
  const checkpoints = new Checkpoints(db, path, (error) => { throw error; });
  db.exec('CREATE TABLE t (x)');
  const insert = db.prepare('INSERT INTO t VALUES (zeroblob(4000))');
  for (let row = 0; row < 1000; row++) insert.run();
  await checkpoints.run();
  await checkpoints.close();
  db.close();`;

describe('a thread', () => {
  it.each(['by a flag', 'by NODE_OPTIONS'])(
    'does not load the modules that the server preloads %s',
    async (how) => {
      const module = `${path}-module.mjs`;
      writeFileSync(module, "process.stdout.write('loaded\\n');");
      const program = `${path}-program.mjs`;
      writeFileSync(program, COPIES);
      const option = `--import=${pathToFileURL(module)}`;
      const isFlag = how === 'by a flag';
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [...(isFlag ? [option] : []), program, path],
        { env: { ...process.env, NODE_OPTIONS: isFlag ? '' : option } },
      );
      expect(stdout).toBe('loaded\n');
    },
  );
});

describe('a thread that cannot copy', () => {
  it('is reported, delays nobody, and is not retried at once', async () => {
    const db = openDatabase(path);
    onEnd(() => db.close());
    const errors: string[] = [];
    const checkpoints = new Checkpoints(db, join(path, 'nosuch'), ({ message }) => errors.push(message));
    onEnd(() => checkpoints.close());
    db.exec('CREATE TABLE t (x)');
    expect(checkpoints.run()).toBeUndefined();
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(4000))');
    for (let row = 0; row < 1000; row++) insert.run();
    await checkpoints.run();
    expect(errors).toEqual(['unable to open database file']);
    insert.run();
    expect(checkpoints.run()).toBeUndefined();
  });
});
