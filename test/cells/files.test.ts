/** The store of the contents that jobs are given as files. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileLimits, Files } from '../../src/cells/files.ts';
import type { InputFile } from '../../src/jobs/job.ts';
import { BrokenUpload, type UploadRequest } from '../../src/jobs/uploads.ts';
import { openStore, type Store } from '../../src/store/sqlite-store.ts';
import { at, makeJob } from '../store/fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let stateDir: string;
let store: Store;
let files: Files;
let nowMs: number;
let limits: FileLimits;
let quota: number | null;

const open = async (): Promise<void> => {
  files = await Files.open({
    stateDir,
    store: store.files,
    limits,
    quota: () => quota,
    free: () => ({ bytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER }),
    log: (line) => {
      throw new Error(line);
    },
    now: () => nowMs,
  });
};

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'cloister-files-'));
  store = openStore(join(stateDir, 'cloister.db'));
  nowMs = at(0).getTime();
  limits = { fileBytes: 1 << 20, allBytes: 1 << 22, keptMs: 7 * DAY_MS };
  quota = null;
  await open();
});

afterEach(async () => {
  await files.close();
  await store.close();
  rmSync(stateDir, { recursive: true });
});

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A body that arrives in pieces, and may break off. */
async function* body(...pieces: readonly (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece;
    yield Buffer.from(piece);
  }
}

const receive = (subject: string, request: UploadRequest, ...pieces: readonly (string | Error)[]) =>
  files.receive(subject, request, body(...pieces));

const put = (subject: string, text: string) => receive(subject, { sha256: digest(text) }, text);

/** Every file below the folder of contents, without those of the subjects. */
const onDisk = (): readonly string[] =>
  readdirSync(join(stateDir, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      name.startsWith('.')
        ? name.endsWith('.json')
          ? 'about'
          : 'temporary'
        : `${parentPath.split('/').at(-1)} ${name}`,
    )
    .toSorted();

const inputFile = (text: string, mode = 0o644, inline = false): InputFile => ({
  path: '/f',
  sha256: digest(text),
  sizeBytes: text.length,
  mode,
  inline,
});

const broken = new BrokenUpload('the upload was cut off');

describe('an upload', () => {
  it('is stored once for each subject, and belongs to it alone', async () => {
    await put('alice', 'text');
    await put('alice', 'text');
    await receive('alice', {}, 'te', 'xt');
    expect(onDisk()).toEqual([`${digest('text')} 644`]);
    expect(await files.find('alice', digest('text'))).toMatchObject({
      kind: 'complete',
      content: { owner: 'alice', sha256: digest('text'), sizeBytes: 4 },
    });
    expect(await files.find('bob', digest('text'))).toBeUndefined();
    expect(await files.claim('bob', digest('text'))).toBeUndefined();
    await put('bob', 'text');
    expect(onDisk()).toHaveLength(2);
  });

  it.each<[string, UploadRequest, readonly string[], RegExp]>([
    [
      'has another digest',
      { sha256: digest('other') },
      ['text'],
      /^body: expected the content with SHA-256 d9298a/,
    ],
    [
      'is too short',
      { sha256: digest('text'), sizeBytes: 5 },
      ['te', 'xt'],
      /^body: expected 5 bytes, got "4 bytes"$/,
    ],
    [
      'is too long',
      { sha256: digest('text'), sizeBytes: 3 },
      ['te', 'xt'],
      /^body: expected 3 bytes, got "more"$/,
    ],
    [
      'is larger than files may be',
      {},
      ['x'.repeat(1 << 20), 'x'],
      /^body: expected at most 1048576 bytes, got "more"$/,
    ],
    [
      'says that it is',
      { sizeBytes: 1 << 21 },
      ['x'],
      /^body: expected at most 1048576 bytes, got "2097152 bytes"$/,
    ],
    ['names no digest', { sha256: 'ABC' }, ['x'], /^sha256: expected the 64 hexadecimal digits/],
    [
      'continues what has not begun',
      { sha256: digest('text'), range: { first: 2, last: 3, total: 4 } },
      ['xt'],
      /^content-range: expected one that begins with byte 0, the next one, got 2$/,
    ],
    [
      'has a range and no digest',
      { range: { first: 0, last: 0, total: 4 } },
      ['t'],
      /^content-range: expected none/,
    ],
  ])('that %s is refused, and nothing is left of it', async (_what, request, pieces, message) => {
    await expect(receive('alice', request, ...pieces)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(message),
    });
    expect(onDisk()).toEqual([]);
    expect(await store.files.all()).toEqual([]);
    // What it was counted with is free again.
    await receive('alice', {}, 'x'.repeat(1 << 20));
  });

  it('that is cut off can be continued where its digest is known', async () => {
    const sha256 = digest('a longer text');
    await expect(receive('alice', { sha256, sizeBytes: 13 }, 'a lon', broken)).rejects.toBe(broken);
    expect(await files.find('alice', sha256)).toEqual({ kind: 'partial', receivedBytes: 5 });
    expect(await files.find('bob', sha256)).toBeUndefined();
    const range = { first: 5, last: 7, total: 13 };
    expect(await receive('alice', { sha256, range }, 'ger')).toEqual({ kind: 'partial', receivedBytes: 8 });
    await expect(receive('alice', { sha256, range }, 'ger')).rejects.toMatchObject({
      message: 'content-range: expected one that begins with byte 8, the next one, got 5',
    });
    const rest = { first: 8, last: 12, total: 13 };
    expect(await receive('alice', { sha256, range: rest }, ' text')).toMatchObject({ kind: 'complete' });
    expect(onDisk()).toEqual([`${sha256} 644`]);
    const claimed = await files.claim('alice', sha256);
    expect(String(await files.read('alice', claimed?.content.sha256 ?? ''))).toBe('a longer text');
  });

  it('that is interrupted is forgotten at once if its digest is unknown, otherwise after an hour', async () => {
    await expect(receive('alice', {}, 'a lon', broken)).rejects.toBe(broken);
    expect(onDisk()).toEqual([]);
    await expect(receive('alice', { sha256: digest('x') }, 'a lon', broken)).rejects.toBe(broken);
    await files.sweep();
    expect(onDisk()).toEqual(['about', 'temporary']);
    nowMs += HOUR_MS + 1;
    await files.sweep();
    expect(onDisk()).toEqual([]);
  });

  describe('that is interrupted before the server is restarted', () => {
    const sha256 = digest('a longer text');
    const rest = (first: number) => ({ sha256, range: { first, last: 12, total: 13 } });
    /** Interrupts an upload, and returns the path of the received part, with the time of the test's clock. */
    const cutOff = async (): Promise<string> => {
      await expect(receive('alice', { sha256 }, 'a lon', broken)).rejects.toBe(broken);
      const folder = join(stateDir, 'files');
      const name = readdirSync(folder).find((each) => each.startsWith('.') && !each.endsWith('.json'));
      const path = join(folder, name ?? '');
      utimesSync(path, nowMs / 1000, nowMs / 1000);
      await files.close();
      return path;
    };

    it('is continued, by its subject, and counts for it', async () => {
      await cutOff();
      quota = 20;
      await open();
      expect(files.bytesOf('alice')).toBe(5);
      expect(await files.find('bob', sha256)).toBeUndefined();
      expect(await files.find('alice', sha256)).toEqual({ kind: 'partial', receivedBytes: 5 });
      await expect(receive('alice', {}, 'x'.repeat(16))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(await receive('alice', rest(5), 'ger text')).toMatchObject({ kind: 'complete' });
      expect(onDisk()).toEqual([`${sha256} 644`]);
    });

    it('is complete if all of it had arrived', async () => {
      await expect(receive('alice', { sha256 }, 'a longer text', broken)).rejects.toBe(broken);
      await files.close();
      await open();
      expect(await files.find('alice', sha256)).toMatchObject({
        kind: 'complete',
        content: { sizeBytes: 13 },
      });
      expect(onDisk()).toEqual([`${sha256} 644`]);
      const bytes = files.bytesOf('alice');
      await files.close();
      await open();
      expect(files.bytesOf('alice')).toBe(bytes);
    });

    it('is refused with another content, after which nothing is left', async () => {
      writeFileSync(await cutOff(), 'wrong');
      await open();
      await expect(receive('alice', rest(5), 'ger text')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
      expect(onDisk()).toEqual([]);
      expect(files.bytesOf('alice')).toBe(0);
    });

    it('is forgotten after an hour, of which the time without a server is a part', async () => {
      await cutOff();
      nowMs += HOUR_MS + 1;
      await open();
      expect(onDisk()).toEqual([]);
      await cutOff();
      nowMs += HOUR_MS - 1;
      await open();
      expect(onDisk()).toEqual(['about', 'temporary']);
      nowMs += 2;
      await files.sweep();
      expect(onDisk()).toEqual([]);
    });

    it.each([
      ['cut off', '{"owner":"alice","sha'],
      ['of something else', '{"owner":"alice","sha256":"x"}'],
    ])('is removed when its description is %s', async (_what, text) => {
      writeFileSync(`${await cutOff()}.json`, text);
      await open();
      expect(onDisk()).toEqual([]);
    });

    it('is kept when that server broke it off itself', async () => {
      async function* closing(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('a lon');
        await files.close();
        yield Buffer.from('ger');
      }
      await expect(files.receive('alice', { sha256 }, closing())).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      await open();
      expect(await files.find('alice', sha256)).toEqual({ kind: 'partial', receivedBytes: 8 });
      expect(await receive('alice', rest(8), ' text')).toMatchObject({ kind: 'complete' });
    });
  });

  it('of one subject is kept only if it is one of the last few that were interrupted', async () => {
    for (let i = 0; i < 20; i++)
      await expect(receive('alice', { sha256: digest(`${i}`) }, 'part', broken)).rejects.toBe(broken);
    expect(onDisk()).toHaveLength(2 * 16);
    expect(await files.find('alice', digest('0'))).toBeUndefined();
    expect(await files.find('alice', digest('19'))).toMatchObject({ receivedBytes: 4 });
  });

  it('cannot be received twice at the same time', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('te');
      await gate;
      yield Buffer.from('xt');
    }
    const first = files.receive('alice', { sha256: digest('text') }, slow());
    await expect.poll(onDisk).toEqual(['about', 'temporary']);
    await expect(put('alice', 'text')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await put('bob', 'text')).toMatchObject({ kind: 'complete' });
    go();
    expect(await first).toMatchObject({ kind: 'complete' });
  });

  it('is refused beyond the quota of its subject, and beyond that of all', async () => {
    quota = 10_000;
    await receive('alice', {}, 'x'.repeat(8000));
    await expect(receive('alice', {}, 'y'.repeat(3000))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    await expect(receive('alice', { sizeBytes: 3000 })).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      message: 'quota files: expected at most 10000 bytes of files that were uploaded',
    });
    quota = null;
    limits = { ...limits, allBytes: 8192 };
    await files.close();
    await open();
    await expect(receive('bob', {}, 'y'.repeat(3000))).rejects.toMatchObject({ code: 'FILES_FULL' });
    expect(onDisk()).toHaveLength(1);
    // Content that has not been used for an hour is removed to make room.
    nowMs += HOUR_MS + 1;
    await receive('bob', { sizeBytes: 3000 }, 'y'.repeat(3000));
    expect(await store.files.all()).toMatchObject([{ owner: 'bob' }]);
    expect(onDisk()).toHaveLength(1);
  });

  it('on a full disk is refused, and nothing is left of it', async () => {
    await files.close();
    const folder = join(stateDir, 'files');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    try {
      await open();
      const text = 'x'.repeat(100_000);
      await expect(put('alice', text)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
      await expect(files.keep('alice', Buffer.from(text))).rejects.toMatchObject({ name: 'StoreFullError' });
      expect(onDisk()).toEqual([]);
      expect(await store.files.all()).toEqual([]);
      await put('alice', 'small');
      expect(onDisk()).toEqual([`${digest('small')} 644`]);
    } finally {
      execFileSync('umount', [folder]);
    }
  });

  it('has its own id when it was made for a link without digest, which accepts one content only', async () => {
    const { id } = await files.createTicket('alice', { sizeBytes: 4 });
    await receive('alice', { id, sizeBytes: 4 }, 'text');
    expect((await files.claim('alice', id))?.content.sha256).toBe(digest('text'));
    expect(await files.claim('bob', id)).toBeUndefined();
    await expect(receive('alice', { id, sizeBytes: 4 }, 'more')).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    expect((await files.createTicket('alice', { sizeBytes: 4, sha256: digest('text') })).id).toBe(
      digest('text'),
    );
  });
});

describe('a server that starts', () => {
  it('removes what was not complete or not recorded, and keeps the rest', async () => {
    await put('alice', 'kept');
    await files.close();
    const [folder = ''] = readdirSync(join(stateDir, 'files'));
    writeFileSync(join(stateDir, 'files', '.half'), 'half');
    mkdirSync(join(stateDir, 'files', folder, digest('orphan')));
    writeFileSync(join(stateDir, 'files', folder, digest('orphan'), '644'), 'orphan');
    await open();
    expect(onDisk()).toEqual([`${digest('kept')} 644`]);
    expect(await put('alice', 'orphan')).toMatchObject({ kind: 'complete' });
  });

  it('counts what is there', async () => {
    await receive('alice', {}, 'x'.repeat(8000));
    await files.close();
    quota = 10_000;
    await open();
    await expect(receive('alice', {}, 'y'.repeat(3000))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });
});

describe('a content', () => {
  const give = (id: string, ...given: readonly InputFile[]): Promise<void> =>
    files.give('alice', given, join(stateDir, id), (mode) => mode);
  const linked = (id: string, index = 0) => {
    const { ino, mode } = statSync(join(stateDir, id, String(index)));
    return { ino, mode: mode & 0o7777 };
  };

  it('has the permissions that a job asks for, as one file unless jobs differ at the same time', async () => {
    await put('alice', 'text');
    await give('one', inputFile('text', 0o600));
    const first = linked('one');
    expect(first.mode).toBe(0o600);
    expect(onDisk()).toEqual([`${digest('text')} 600`]);
    await give('two', inputFile('text', 0o600), inputFile('text', 0o755));
    expect(linked('two')).toEqual(first);
    expect(linked('two', 1).mode).toBe(0o755);
    expect(linked('one')).toEqual(first);
    expect(linked('two', 1).ino).not.toBe(first.ino);
    expect(readFileSync(join(stateDir, 'two', '1'), 'utf8')).toBe('text');
    rmSync(join(stateDir, 'one'), { recursive: true });
    rmSync(join(stateDir, 'two'), { recursive: true });
    // A server that died between the two steps of a change.
    const [path = ''] = readdirSync(join(stateDir, 'files'));
    chmodSync(join(stateDir, 'files', path, digest('text'), '600'), 0o644);
    await give('three', inputFile('text', 0o600));
    expect(linked('three').mode).toBe(0o600);
  });

  it('that is missing is an error with its code', async () => {
    await expect(give('one', inputFile('never'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is kept as long as a job needs it, and for a while after its last use', async () => {
    await put('alice', 'text');
    const job = makeJob({ files: [inputFile('text')] }, { owner: 'alice' });
    await store.insert(job);
    nowMs += 100 * DAY_MS;
    await files.sweep();
    expect(onDisk()).toHaveLength(1);
    await store.transition(
      job.id,
      ['QUEUED'],
      { status: 'FAILED', finishedAt: at(1), error: 'e' },
      { diskBytes: 0 },
    );
    nowMs += 6 * DAY_MS;
    await files.sweep();
    expect(onDisk()).toHaveLength(1);
    nowMs += 2 * DAY_MS;
    const claimed = await files.claim('alice', digest('text'));
    await files.sweep();
    expect(onDisk()).toHaveLength(1);
    claimed?.release();
    await files.sweep();
    expect(onDisk()).toEqual([]);
    expect(await store.files.all()).toEqual([]);
    expect(await files.claim('alice', digest('text'))).toBeUndefined();
  });

  it('that came with a job is kept as long as the job', async () => {
    const claimed = await files.keep('alice', Buffer.from('text'));
    nowMs += DAY_MS;
    await files.sweep();
    expect(onDisk()).toHaveLength(1);
    const job = makeJob({ files: [inputFile('text', 0o644, true)] }, { owner: 'alice' });
    await store.insert(job);
    claimed.release();
    const state = { status: 'FAILED', finishedAt: at(1), error: 'e' } as const;
    await store.transition(job.id, ['QUEUED'], state, { diskBytes: 0 });
    nowMs += 100 * DAY_MS;
    await files.sweep();
    expect(onDisk()).toHaveLength(1);
    await store.remove([job.id]);
    nowMs += HOUR_MS;
    await files.sweep();
    expect(onDisk()).toEqual([]);
    expect(existsSync(join(stateDir, 'files'))).toBe(true);
  });

  it('that comes with a job counts as disk space of the job', async () => {
    const files = [inputFile('text', 0o644, true), { ...inputFile('text', 0o644, true), path: '/g' }];
    const job = makeJob({ files: [...files, inputFile('uploaded')] }, { owner: 'alice' });
    const plain = makeJob({}, { owner: 'bob' });
    await store.insert(job);
    await store.insert(plain);
    const bytesOf = async (id: string) =>
      (await store.unfinished()).find((each) => each.id === id)?.payloadBytes ?? 0;
    const spec = (files: readonly InputFile[]): number => JSON.stringify(files).length;
    const more = (await bytesOf(job.id)) - (await bytesOf(plain.id));
    expect(more).toBeGreaterThan(8);
    expect(more).toBeLessThan(8 + spec(job.spec.files));
    expect((await store.get(job.id))?.spec.files).toEqual(job.spec.files);
  });
});
