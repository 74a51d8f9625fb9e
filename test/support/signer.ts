/** What signs receipts in tests. */

import { generateKeyPairSync } from 'node:crypto';
import { Signer } from '../../src/receipts/signer.ts';

/** A signer with a new key. */
export const testSigner = (): Signer => new Signer(generateKeyPairSync('ed25519').privateKey, []);
