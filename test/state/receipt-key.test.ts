/** The key of receipts in a state folder. */

import { createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keyIdOf } from '../../src/receipts/keys.ts';
import { keptPublicKeys, receiptKeys } from '../../src/state/receipt-key.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-receipt-key-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const path = (...names: readonly string[]): string => join(folder, ...names);
const idsOf = (keys: Parameters<typeof keyIdOf>[0][]): readonly string[] => keys.map(keyIdOf).toSorted();

it('is made once, readable only by its owner', async () => {
  expect(keptPublicKeys(folder)).toEqual([]);
  const first = await receiptKeys(folder);
  const id = keyIdOf(createPublicKey(first.privateKey));
  expect(readdirSync(folder).toSorted()).toEqual(['receipt-key', 'receipt-keys']);
  expect(readdirSync(path('receipt-keys'))).toEqual([`${id}.pem`]);
  for (const name of ['receipt-key', `receipt-keys/${id}.pem`])
    expect(statSync(path(name)).mode & 0o777).toBe(0o600);
  expect((await receiptKeys(folder)).privateKey.equals(first.privateKey)).toBe(true);
  expect(keptPublicKeys(folder).map(keyIdOf)).toEqual([id]);
});

it('is made again when it was removed, and the public keys of both are kept', async () => {
  const first = await receiptKeys(folder);
  rmSync(path('receipt-key'));
  const second = await receiptKeys(folder);
  expect(second.privateKey.equals(first.privateKey)).toBe(false);
  expect(idsOf([...second.publicKeys])).toEqual(
    idsOf([first.privateKey, second.privateKey].map((key) => createPublicKey(key))),
  );
});

it('continues after a start that was interrupted', async () => {
  mkdirSync(path('receipt-keys'));
  for (const name of ['.new-receipt-key', 'receipt-keys/.new-receipt-key'])
    writeFileSync(path(name), '-----BEG');
  const { publicKeys } = await receiptKeys(folder);
  expect(publicKeys).toHaveLength(1);
  // Killed before the public key was kept.
  rmSync(path('receipt-keys'), { recursive: true });
  expect((await receiptKeys(folder)).publicKeys.map(keyIdOf)).toEqual(publicKeys.map(keyIdOf));
});

it('is refused when it is damaged, and not replaced', async () => {
  await receiptKeys(folder);
  const pem = readFileSync(path('receipt-key'), 'utf8');
  writeFileSync(path('receipt-key'), pem.slice(0, 60));
  await expect(receiptKeys(folder)).rejects.toThrow(
    `${path('receipt-key')}: expected a private key of Ed25519 as PEM, got something else`,
  );
  expect(readFileSync(path('receipt-key'), 'utf8')).toBe(pem.slice(0, 60));
  writeFileSync(path('receipt-key'), pem);
  writeFileSync(path('receipt-keys', 'old.pem'), 'x');
  await expect(receiptKeys(folder)).rejects.toThrow(
    `${path('receipt-keys', 'old.pem')}: expected public keys as PEM`,
  );
});
