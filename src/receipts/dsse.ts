/**
 * Envelopes of DSSE, "Dead Simple Signing Envelope", protocol version 1: a text and signatures of it
 * (github.com/secure-systems-lab/dsse).
 */

import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { keyIdOf } from './keys.ts';

/** An envelope: the object that its JSON contains. */
export interface Envelope {
  /** What is signed, as base64. */
  readonly payload: string;
  /** What the payload is, as a media type. */
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** A text that is not an envelope, or is not signed by one of these keys. The message says what is wrong. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

/** The bytes that are signed: the pre-authentication encoding (PAE) of the payload and its type. */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `),
    payload,
  ]);

// In the thread pool: it hashes the payload twice.
const signed = promisify<null, Uint8Array, KeyObject, Buffer>(sign);

/**
 * Signs a payload and puts it into an envelope. The same payload and key give the same envelope.
 *
 * @param key a private key of Ed25519
 * @returns its JSON, on one line
 */
export const seal = async (payloadType: string, payload: Uint8Array, key: KeyObject): Promise<string> => {
  const signature = await signed(null, preAuthEncoding(payloadType, payload), key);
  const envelope: Envelope = {
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: [{ keyid: keyIdOf(createPublicKey(key)), sig: signature.toString('base64') }],
  };
  return JSON.stringify(envelope);
};

/**
 * The payload of an envelope, if one of these keys has signed it.
 *
 * @param text its JSON
 * @param payloadType the type that is expected
 * @param keys public keys of Ed25519
 * @returns the payload, and the key that has signed it
 * @throws EnvelopeError if the text is not an envelope, or none of the keys has signed it
 */
export const unseal = (
  text: string,
  payloadType: string,
  keys: readonly KeyObject[],
): { readonly payload: Buffer; readonly key: KeyObject } => {
  const envelope = parseEnvelope(text);
  if (envelope.payloadType !== payloadType)
    throw new EnvelopeError(
      `payloadType: expected ${payloadType}, got ${JSON.stringify(envelope.payloadType)}`,
    );
  const payload = fromBase64('payload', envelope.payload);
  const known = new Map(keys.map((key) => [keyIdOf(key), key]));
  for (const { keyid, sig } of envelope.signatures) {
    const key = known.get(keyid);
    if (key === undefined) continue;
    const signature = fromBase64('signatures.sig', sig);
    if (!verify(null, preAuthEncoding(payloadType, payload), key, signature))
      throw new EnvelopeError(
        `the signature is not valid: the receipt was changed after key ${keyid} had signed it`,
      );
    return { payload, key };
  }
  const signers = envelope.signatures.map(({ keyid }) => JSON.stringify(keyid)).join(', ');
  throw new EnvelopeError(
    `signatures: expected one by key ${[...known.keys()].join(' or ')}, got one by ${signers || 'nobody'}`,
  );
};

/** @throws EnvelopeError that names what is malformed */
const parseEnvelope = (text: string): Envelope => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EnvelopeError(
      `expected the JSON of an envelope, got something else or a part of it (${error instanceof Error ? error.message : error})`,
    );
  }
  const { payload, payloadType, signatures } = fields('envelope', value);
  if (!Array.isArray(signatures)) throw new EnvelopeError('signatures: expected a list');
  return {
    payload: textOf('payload', payload),
    payloadType: textOf('payloadType', payloadType),
    signatures: signatures.map((entry: unknown) => {
      const { keyid, sig } = fields('signatures', entry);
      return { keyid: textOf('signatures.keyid', keyid), sig: textOf('signatures.sig', sig) };
    }),
  };
};

const fields = (name: string, value: unknown): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EnvelopeError(`${name}: expected a JSON object`);
  return value as Record<string, unknown>;
};

const textOf = (name: string, value: unknown): string => {
  if (typeof value !== 'string')
    throw new EnvelopeError(
      `${name}: expected a text, got ${value === undefined ? 'nothing' : typeof value}`,
    );
  return value;
};

/** Decodes base64 in either alphabet of RFC 4648, with padding. Node.js alone would skip characters of neither. */
const fromBase64 = (name: string, text: string): Buffer => {
  const bytes = Buffer.from(text, 'base64');
  const standard = bytes.toString('base64');
  if (text !== standard && text !== standard.replaceAll('+', '-').replaceAll('/', '_'))
    throw new EnvelopeError(`${name}: expected base64, got something else or a part of it`);
  return bytes;
};
