/** The keys of links: kept, replaced, and accepted for as long as their links are valid. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkSigner } from '../../src/access/link-signer.ts';
import { LinkKeys } from '../../src/state/link-keys.ts';

const HOUR_MS = 3_600_000;
let stateDir: string;
let nowMs: number;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'cloister-link-keys-'));
  nowMs = 1_700_000_000_000;
});

afterEach(() => rmSync(stateDir, { recursive: true }));

const open = (): Promise<LinkKeys> =>
  LinkKeys.open(stateDir, {
    log: (line) => {
      throw new Error(line);
    },
    now: () => nowMs,
  });

describe('the keys of links', () => {
  it('are kept from the previous server, readable only by its user', async () => {
    using first = await open();
    using second = await open();
    expect(second.current).toEqual(first.current);
    expect(first.current).toHaveLength(32);
    expect(statSync(join(stateDir, 'link-keys')).mode & 0o777).toBe(0o600);
  });

  it('are replaced after a day, and accepted for another hour', async () => {
    using keys = await open();
    const one = keys.current;
    nowMs += 24 * HOUR_MS - 1;
    await keys.renew();
    expect(keys.current).toBe(one);
    nowMs += 1;
    await keys.renew();
    expect(keys.current).not.toEqual(one);
    expect(keys.accepted).toEqual([keys.current, one]);
    using next = await open();
    expect(next.accepted).toEqual(keys.accepted);
    nowMs += HOUR_MS;
    expect(keys.accepted).toEqual([keys.current]);
    nowMs += 24 * HOUR_MS;
    await keys.renew();
    expect(readFileSync(join(stateDir, 'link-keys'), 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('of the future are not used', async () => {
    using keys = await open();
    nowMs -= HOUR_MS;
    expect(keys.accepted).toEqual([]);
    using next = await open();
    expect(next.accepted).toEqual([next.current]);
    expect(next.current).not.toEqual(keys.current);
  });

  it('that are malformed are refused', async () => {
    const path = join(stateDir, 'link-keys');
    writeFileSync(path, '1700000000000 short\n');
    await expect(open()).rejects.toThrow(`${path}: expected lines of a time and a key`);
  });
});

describe('a signature', () => {
  it('is valid for one kind of link', async () => {
    using keys = await open();
    const [one, other] = [new LinkSigner('one', keys), new LinkSigner('other', keys)];
    const signature = one.sign(['a', 1]);
    expect([one.isValid(['a', 1], signature), one.isValid(['a', 2], signature)]).toEqual([true, false]);
    expect(other.isValid(['a', 1], signature)).toBe(false);
  });
});
