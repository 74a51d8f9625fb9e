/** Tokens: who is recognized by which, for how long, and what is written. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Rights } from '../../src/access/rights.ts';
import { Tokens } from '../../src/access/tokens.ts';
import { newJobId } from '../../src/jobs/id.ts';
import { StoreFullError } from '../../src/jobs/store.ts';
import { adminToken, replaceAdminToken } from '../../src/state/admin-token.ts';
import { openStore, type Store } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { caller } from './world.ts';

const ADMIN = caller('root', 'ADMIN');
const ADMIN_SECRET = 'the-secret-of-the-state-folder-0123456789ab';
const MINUTE_MS = 60_000;
const REQUEST = { name: 'laptop', subject: 'alice', role: 'USER' } as const;

const onEnd = disposers();
let folder: string;
let store: Store;
let lines: string[];
let now: number;
let rights: Rights;
let kept: string[];

/** A server on the database of the test. */
const open = (tokens = store.tokens): Promise<Tokens> =>
  Tokens.open({
    store: tokens,
    adminSecret: ADMIN_SECRET,
    replaceAdminSecret: async (secret) => {
      kept.push(secret);
    },
    rights,
    log: (line) => lines.push(line),
    now: () => now,
  });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-tokens-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  store = openStore(join(folder, 'cloister.db'));
  onEnd(() => store.close());
  lines = [];
  now = 1_800_000_000_000;
  rights = new Rights(() => now);
  kept = [];
});

describe('a token', () => {
  it('is shown once: 256 random bits, of which a hash is stored', async () => {
    const tokens = await open();
    const made = await Promise.all([tokens.create(ADMIN, REQUEST), tokens.create(ADMIN, REQUEST)]);
    const secrets = made.map(({ secret }) => secret);
    expect(new Set(secrets).size).toBe(2);
    for (const secret of secrets) {
      expect(secret).toMatch(/^clo_[\w-]{43}$/);
      expect(Buffer.from(secret.slice(4), 'base64url')).toHaveLength(32);
    }
    const files = ['cloister.db', 'cloister.db-wal'].map((name) =>
      readFileSync(join(folder, name), 'latin1'),
    );
    expect(files.join()).toContain('laptop');
    for (const secret of secrets) expect(files.join()).not.toContain(secret.slice(4));
  });

  it.each([false, true])('makes its caller known (after a restart: %j)', async (restart) => {
    const first = await open();
    const { secret, token } = await first.create(ADMIN, REQUEST);
    const tokens = restart ? await open() : first;
    expect(tokens.identify(secret)).toEqual({
      subject: 'alice',
      role: 'USER',
      method: 'TOKEN',
      tokenId: token.id,
      credential: `token ${token.id}`,
    });
    for (const wrong of [
      '',
      secret.slice(4),
      `${secret}x`,
      secret.slice(0, -1),
      secret.toUpperCase(),
      'clo_',
    ])
      expect(tokens.identify(wrong)).toBeNull();
  });

  it('of the state folder is the admin, and in no list', async () => {
    const tokens = await open();
    const identity = tokens.identify(ADMIN_SECRET);
    expect(identity).toEqual({
      subject: 'admin',
      role: 'ADMIN',
      method: 'TOKEN',
      credential: 'token admin',
    });
    expect(identity && tokens.of(identity)).toBeNull();
    expect(tokens.list(ADMIN)).toEqual([]);
  });

  it.each([false, true])('is not accepted once it was revoked (after a restart: %j)', async (restart) => {
    const first = await open();
    const { secret, token } = await first.create(ADMIN, REQUEST);
    const other = await first.create(ADMIN, REQUEST);
    const revoked = await first.revoke(ADMIN, token.id);
    expect(revoked).toMatchObject({ id: token.id, revokedAt: new Date(now) });
    now += MINUTE_MS;
    expect(await first.revoke(ADMIN, token.id)).toEqual(revoked);
    const tokens = restart ? await open() : first;
    expect(tokens.identify(secret)).toBeNull();
    expect(tokens.identify(other.secret)).not.toBeNull();
    expect(tokens.list(ADMIN)[0]).toEqual(revoked);
  });

  it.each([false, true])('is not accepted from its expiry on (after a restart: %j)', async (restart) => {
    const first = await open();
    const expiresAt = new Date(now + MINUTE_MS);
    const { secret } = await first.create(ADMIN, { ...REQUEST, expiresAt });
    const tokens = restart ? await open() : first;
    now += MINUTE_MS - 1;
    expect(tokens.identify(secret)).not.toBeNull();
    now += 1;
    expect(tokens.identify(secret)).toBeNull();
  });

  it('stays revoked when it is revoked while its use is being recorded', async () => {
    const tokens = await open();
    const { secret, token } = await tokens.create(ADMIN, REQUEST);
    const revoked = tokens.revoke(ADMIN, token.id);
    tokens.identify(secret);
    expect(await revoked).toMatchObject({ lastUsedAt: new Date(now), revokedAt: new Date(now) });
    expect(tokens.identify(secret)).toBeNull();
  });
});

describe('the token of the state folder', () => {
  it('is replaced once the new one is stored', async () => {
    const tokens = await open();
    const secrets = await Promise.all([tokens.rotateAdmin(ADMIN), tokens.rotateAdmin(ADMIN)]);
    expect(kept).toEqual(secrets);
    expect(tokens.identify(ADMIN_SECRET)).toBeNull();
    expect(tokens.identify(secrets[0])).toBeNull();
    expect(tokens.identify(secrets[1])).toMatchObject({ subject: 'admin', role: 'ADMIN' });
    expect(secrets[1]).toMatch(/^clo_[\w-]{43}$/);
  });

  it('is unchanged when the new one cannot be stored, and is replaced by the next', async () => {
    const tokens = await Tokens.open({
      store: store.tokens,
      adminSecret: ADMIN_SECRET,
      replaceAdminSecret: () => Promise.reject(new Error('no room')),
      rights,
      log: String,
    });
    const heard: string[] = [];
    const admin = tokens.identify(ADMIN_SECRET);
    if (admin === null) throw new Error('the admin is not known');
    rights.onEnd(admin, (why) => heard.push(why));
    await expect(tokens.rotateAdmin(ADMIN)).rejects.toThrow('no room');
    await expect(tokens.rotateAdmin(ADMIN)).rejects.toThrow('no room');
    expect(tokens.identify(ADMIN_SECRET)).not.toBeNull();
    expect(heard).toEqual([]);
  });

  it('in its file is replaced as a whole, and only its owner can read it', async () => {
    const first = adminToken(folder);
    writeFileSync(join(folder, '.token'), 'left by who was interrupted', { mode: 0o644 });
    await replaceAdminToken(folder, 'x'.repeat(40));
    expect(adminToken(folder)).toBe('x'.repeat(40));
    expect(first).not.toBe('x'.repeat(40));
    expect(statSync(join(folder, 'token')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).not.toContain('.token');
  });
});

describe('the last use', () => {
  it('is written once in five minutes, however often a token is used', async () => {
    const writes: Date[] = [];
    const counting = {
      ...plain(),
      setUsed: (id: string, at: Date) => {
        writes.push(at);
        return store.tokens.setUsed(id, at);
      },
    };
    const tokens = await open(counting);
    const { secret } = await tokens.create(ADMIN, REQUEST);
    const first = new Date(now);
    for (let use = 0; use < 1000; use++) tokens.identify(secret);
    now += 5 * MINUTE_MS - 1;
    tokens.identify(secret);
    expect(writes).toEqual([first]);
    now += 1;
    tokens.identify(secret);
    expect(writes).toEqual([first, new Date(now)]);
    await tokens.close();
    expect((await open()).list(ADMIN)[0]?.lastUsedAt).toEqual(new Date(now));
  });

  it('is not written for a caller who is refused', async () => {
    const tokens = await open();
    const { secret, token } = await tokens.create(ADMIN, REQUEST);
    await tokens.revoke(ADMIN, token.id);
    tokens.identify(secret);
    await tokens.close();
    expect(tokens.list(ADMIN)[0]?.lastUsedAt).toBeNull();
  });

  it('that cannot be written is logged, and locks nobody out', async () => {
    const full = { ...plain(), setUsed: () => Promise.reject(new StoreFullError('no room')) };
    const tokens = await open(full);
    const { secret, token } = await tokens.create(ADMIN, REQUEST);
    expect(tokens.identify(secret)).not.toBeNull();
    await tokens.close();
    expect(lines).toEqual([`the last use of token ${token.id} was not stored: StoreFullError: no room`]);
  });
});

/** The methods of the store of the test, to be replaced one by one. */
const plain = () => ({
  all: () => store.tokens.all(),
  insert: store.tokens.insert.bind(store.tokens),
  setRevoked: store.tokens.setRevoked.bind(store.tokens),
  setUsed: store.tokens.setUsed.bind(store.tokens),
});

describe('what is refused', () => {
  it.each([
    [{ name: '' }, 'input.name'],
    [{ name: ' laptop' }, 'input.name'],
    [{ name: 'x'.repeat(129) }, 'input.name'],
    [{ subject: '' }, 'input.subject'],
    [{ subject: 'a\u0000b' }, 'input.subject'],
    [{ subject: 'a\nb' }, 'input.subject'],
    [{ subject: '\u202ealice' }, 'input.subject'],
    [{ subject: '\ud800' }, 'input.subject'],
    [{ expiresAt: new Date(1_800_000_000_000) }, 'input.expiresAt'],
    [{ expiresAt: new Date(0) }, 'input.expiresAt'],
  ])('%j', async (change, field) => {
    const tokens = await open();
    const made = tokens.create(ADMIN, { ...REQUEST, ...change });
    await expect(made).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(tokens.list(ADMIN)).toEqual([]);
  });

  it('everything at once', async () => {
    const made = (await open()).create(ADMIN, { ...REQUEST, name: '', subject: '', expiresAt: new Date(0) });
    await expect(made).rejects.toMatchObject({ faults: { length: 3 } });
  });

  it('an unknown token', async () => {
    const revoked = (await open()).revoke(ADMIN, newJobId());
    await expect(revoked).rejects.toMatchObject({ code: 'NOT_FOUND', field: 'input.id' });
  });

  it('a write without room for it, of which nothing is left', async () => {
    const full = () => Promise.reject(new StoreFullError('no room'));
    const tokens = await open({ ...plain(), insert: full, setRevoked: full });
    await expect(tokens.create(ADMIN, REQUEST)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(tokens.list(ADMIN)).toEqual([]);
  });
});
