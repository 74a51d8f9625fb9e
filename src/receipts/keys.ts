/** The keys of receipts: how they are named and read. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** The id of a public key: SHA-256 of its SubjectPublicKeyInfo (RFC 5280) in DER, in hexadecimal. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** A public key as PEM, as openssl(1) reads it. */
export const publicPem = (key: KeyObject): string => String(key.export({ type: 'spki', format: 'pem' }));

/** A text that is not a key, or has none. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/**
 * A private key of Ed25519.
 *
 * @param pem PKCS #8
 * @throws KeyError
 */
export const parsePrivateKey = (pem: string): KeyObject =>
  ofEd25519('a private key of Ed25519 as PEM', () => createPrivateKey(pem));

/**
 * The public keys of a text, which may have other lines between them.
 *
 * @param text one or more keys as PEM
 * @throws KeyError
 */
export const parsePublicKeys = (text: string): readonly KeyObject[] => {
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0)
    throw new KeyError('expected public keys as PEM, "-----BEGIN PUBLIC KEY-----", got none');
  return blocks.map((block) => ofEd25519('public keys of Ed25519 as PEM', () => createPublicKey(block)));
};

const ofEd25519 = (expected: string, parse: () => KeyObject): KeyObject => {
  let key: KeyObject;
  try {
    key = parse();
  } catch (error) {
    throw new KeyError(
      `expected ${expected}, got something else (${error instanceof Error ? error.message : error})`,
      {
        cause: error,
      },
    );
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KeyError(`expected ${expected}, got one of ${key.asymmetricKeyType}`);
  return key;
};
