/** Signs the receipts of a server. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { seal } from './dsse.ts';
import { keyIdOf, publicPem } from './keys.ts';
import { encodeStatement, PAYLOAD_TYPE, type Statement } from './statement.ts';

/** A signed statement. */
export interface Receipt {
  /** The JSON of an envelope of DSSE, on one line. */
  readonly envelope: string;
  /** The key that has signed it. */
  readonly keyId: string;
}

/** A public key of receipts. */
export interface ReceiptKey {
  readonly keyId: string;
  /** As PEM. */
  readonly publicKey: string;
  /** Whether receipts are signed with it now; otherwise it is an earlier one. */
  readonly current: boolean;
}

/** Signs with the current key, and knows the earlier ones. */
export class Signer {
  readonly #key: KeyObject;
  readonly #keyId: string;
  /** The current one first. */
  readonly keys: readonly ReceiptKey[];

  /**
   * @param key the current private key
   * @param earlier public keys of earlier receipts; the current one may be among them
   */
  constructor(key: KeyObject, earlier: readonly KeyObject[]) {
    this.#key = key;
    const own = createPublicKey(key);
    this.#keyId = keyIdOf(own);
    const others = earlier.filter((other) => keyIdOf(other) !== this.#keyId);
    this.keys = [own, ...others].map((each) => ({
      keyId: keyIdOf(each),
      publicKey: publicPem(each),
      current: each === own,
    }));
  }

  /** Signs a statement, outside of the event loop. The same statement gives the same receipt. */
  async sign(statement: Statement): Promise<Receipt> {
    const envelope = await seal(PAYLOAD_TYPE, encodeStatement(statement), this.#key);
    return { envelope, keyId: this.#keyId };
  }
}
