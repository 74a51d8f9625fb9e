/** The key of a state folder that receipts are signed with, and the public keys of earlier ones. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KeyError, keyIdOf, parsePrivateKey, parsePublicKeys, publicPem } from '../receipts/keys.ts';
import { statePaths } from './paths.ts';
import { replaceFile } from './whole-file.ts';

/** The keys of a state folder. */
export interface ReceiptKeys {
  readonly privateKey: KeyObject;
  /** The keys of everything that was ever signed here, in no order. */
  readonly publicKeys: readonly KeyObject[];
}

/**
 * The keys of a state folder. The private one is made at the first start, and again when its file was removed: its public
 * key is kept next to those of the earlier ones, before anything is signed with it.
 *
 * @throws Error for a file that is no key, and what reading and writing throws
 */
export const receiptKeys = async (stateDir: string): Promise<ReceiptKeys> => {
  const { receiptKey: path, receiptKeys: folder } = statePaths(stateDir);
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await write(path, String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  }
  const privateKey = parsed(path, parsePrivateKey);
  const publicKey = createPublicKey(privateKey);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = join(folder, `${keyIdOf(publicKey)}.pem`);
  if (!existsSync(own)) await write(own, publicPem(publicKey));
  return { privateKey, publicKeys: keptPublicKeys(stateDir) };
};

/**
 * The public keys of a state folder; none where no server has signed anything.
 *
 * @throws Error for a file that is no key, and what reading throws
 */
export const keptPublicKeys = (stateDir: string): readonly KeyObject[] => {
  const folder = statePaths(stateDir).receiptKeys;
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.pem') && !name.startsWith('.'));
  return names.toSorted().flatMap((name) => parsed(join(folder, name), parsePublicKeys));
};

const parsed = <T>(path: string, parse: (pem: string) => T): T => {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw error instanceof KeyError ? new Error(`${path}: ${error.message}`, { cause: error }) : error;
  }
};

/** Writes a file, which appears whole. */
const write = (path: string, text: string): Promise<void> =>
  replaceFile(path, join(dirname(path), '.new-receipt-key'), text);
