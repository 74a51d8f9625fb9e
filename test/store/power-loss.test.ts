/** Whatever anybody has learned is in what a power loss leaves, of which only what was synced is sure. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { randomFrom } from '../support/random.ts';

const onEnd = disposers();
const WRITER = join(import.meta.dirname, 'power-loss-writer.ts');
const REPORTED = 60;
const SEED = Number(process.env['CLOISTER_POWER_SEED'] ?? 1 + (Date.now() % 1_000_000));

/** A write to a file that may not be on disk. */
interface Write {
  readonly file: string;
  readonly offset: number;
  /** `undefined`: the file was cut at the offset. */
  readonly bytes: Buffer | undefined;
}

/** The files of a database as a disk has them: what was synced, and what was written since. */
class Disk {
  readonly #synced = new Map<string, Buffer>();
  #written: Write[] = [];

  constructor(files: ReadonlyMap<string, Buffer>) {
    for (const [file, bytes] of files) this.#synced.set(file, bytes);
  }

  write(write: Write): void {
    this.#written.push(write);
  }

  /** A sync of a file begins. @returns to be called when it has succeeded: what was written before it is on disk then */
  sync(file: string): () => void {
    const sure = new Set(this.#written.filter((write) => write.file === file));
    return () => {
      for (const write of this.#written)
        if (sure.has(write)) this.#synced.set(file, patched(this.#synced.get(file), write));
      this.#written = this.#written.filter((write) => !sure.has(write));
    };
  }

  /** What a power loss leaves: what is sure, and of the rest what `isKept` says. */
  left(isKept: () => boolean): ReadonlyMap<string, Buffer> {
    const files = new Map(this.#synced);
    for (const write of this.#written)
      if (isKept()) files.set(write.file, patched(files.get(write.file), write));
    return files;
  }
}

const patched = (file: Buffer = Buffer.alloc(0), { offset, bytes }: Write): Buffer => {
  if (bytes === undefined) return file.subarray(0, offset);
  const whole = Buffer.alloc(Math.max(file.length, offset + bytes.length));
  file.copy(whole);
  bytes.copy(whole, offset);
  return whole;
};

/** Calls of the trace: `PID NAME(FD<PATH>, ...) = RESULT`, or in two lines where other threads made calls in between. */
const CALL = /^(\d+) +(\w+)\((\d+)<([^>]*)>(.*)$/;
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>.*= (-?\d+)/;
const DATA = /^, "((?:\\x[0-9a-f]{2})*)", (\d+)(?:, (\d+))?/;

const decode = (escaped: string): Buffer => Buffer.from(escaped.replaceAll('\\x', ''), 'hex');

it(`nothing is acknowledged that a power loss could undo (CLOISTER_POWER_SEED=${SEED})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-power-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'cloister.db');
  await openStore(path).close();
  const disk = new Disk(new Map([['cloister.db', readFileSync(path)]]));
  const trace = join(folder, 'trace');
  const calls = 'trace=pwrite64,write,fdatasync,fsync,ftruncate';
  const options = ['--follow-forks', '--decode-fds=path', '-xx', '--string-limit=9000', '-e', calls];
  const writer = spawn('strace', [...options, '-o', trace, process.execPath, WRITER, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let reported = 0;
  for await (const _ of createInterface({ input: writer.stdout })) if (++reported === REPORTED) break;
  // Its child is the writer, which strace(1) would let run.
  const children = readFileSync(`/proc/${writer.pid}/task/${writer.pid}/children`, 'utf8').trim().split(' ');
  for (const pid of children) process.kill(Number(pid), 'SIGKILL');
  await once(writer, 'close');

  const random = randomFrom(SEED);
  const syncing = new Map<string, () => void>();
  const known = new Map<string, string>();
  let images = 0;
  const look = async (): Promise<void> => {
    for (const isKept of [() => false, () => random(2) === 0]) {
      const image = join(folder, `image-${images++}`);
      mkdirSync(image);
      for (const [file, bytes] of disk.left(isKept)) writeFileSync(join(image, file), bytes);
      const db = new Database(join(image, 'cloister.db'));
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      const rows = db.prepare('SELECT id, status FROM jobs').all() as { id: string; status: string }[];
      const found = new Map(rows.map(({ id, status }) => [id, status]));
      for (const [id, status] of known)
        expect([id, found.get(id)]).toEqual([id, status === 'QUEUED' ? expect.any(String) : status]);
      db.close();
      rmSync(image, { recursive: true });
    }
  };
  let [syncs, lines] = [0, 0];
  for (const line of readFileSync(trace, 'latin1').split('\n')) {
    const [, resumed = '', result] = RESUMED.exec(line) ?? [];
    if (result === '0') {
      syncing.get(resumed)?.();
      syncing.delete(resumed);
    }
    const [, pid = '', name = '', fd, escaped = '', rest = ''] = CALL.exec(line) ?? [];
    const file = basename(decode(escaped).toString() || escaped);
    if (fd === '1' && name === 'write') {
      const [id = '', status = ''] = decode(DATA.exec(rest)?.[1] ?? '')
        .toString()
        .trim()
        .split(' ');
      if (known.get(id) !== 'RUNNING') known.set(id, status);
      if (++lines % 8 === 0) await look();
    }
    if (!file.startsWith('cloister.db') || file.endsWith('-shm')) continue;
    if (name === 'ftruncate') {
      disk.write({ file, bytes: undefined, offset: Number(/^, (\d+)/.exec(rest)?.[1]) });
    } else if (name === 'pwrite64') {
      const [, data = '', size, offset] = DATA.exec(rest) ?? [];
      const bytes = decode(data);
      expect(bytes.length).toBe(Number(size));
      disk.write({ file, bytes, offset: Number(offset) });
    } else {
      syncs += 1;
      const done = disk.sync(file);
      if (/= 0/.test(rest)) done();
      else syncing.set(pid, done);
    }
  }
  expect(syncs).toBeGreaterThan(5);
  expect(known.size).toBeGreaterThan(3);
  expect(images).toBeGreaterThan(8);
});
