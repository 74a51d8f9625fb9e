/** Envelopes: by the specification, checked by another program, and changed in every way. */

import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EnvelopeError, preAuthEncoding, seal, unseal } from '../../src/receipts/dsse.ts';
import { KeyError, keyIdOf, parsePrivateKey, parsePublicKeys, publicPem } from '../../src/receipts/keys.ts';

// RFC 8410, section 10.3: a key, and its public key (10.1).
const KEY = parsePrivateKey(
  '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n',
);
const PUBLIC_PEM =
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n';
const PUBLIC = createPublicKey(KEY);
const TYPE = 'http://example.com/HelloWorld';

const unsealed = (text: string, keys: readonly KeyObject[] = [PUBLIC], type = TYPE): string =>
  unseal(text, type, keys).payload.toString();

describe('the pre-authentication encoding', () => {
  it.each([
    // The test vector of the specification (protocol.md).
    [TYPE, 'hello world', 'DSSEv1 29 http://example.com/HelloWorld 11 hello world'],
    ['', '', 'DSSEv1 0  0 '],
    // Lengths are of bytes.
    ['å', 'ø\n', 'DSSEv1 2 å 3 ø\n'],
  ])('of %j and %j is as specified', (type, payload, expected) => {
    expect(preAuthEncoding(type, Buffer.from(payload)).toString()).toBe(expected);
  });
});

describe('an envelope', () => {
  it('has what the specification says, and the same for the same payload', async () => {
    const text = await seal(TYPE, Buffer.from('hello world'), KEY);
    expect(await seal(TYPE, Buffer.from('hello world'), KEY)).toBe(text);
    expect(JSON.parse(text)).toEqual({
      payload: 'aGVsbG8gd29ybGQ=',
      payloadType: TYPE,
      signatures: [{ keyid: keyIdOf(PUBLIC), sig: expect.stringMatching(/^[\w+/]{86}==$/) }],
    });
    expect(unsealed(text)).toBe('hello world');
  });

  it('is verified by openssl(1), which names its key as we do', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-dsse-'));
    try {
      const { payload, signatures } = JSON.parse(
        await seal(TYPE, Buffer.from('any\0bytes\xff', 'latin1'), KEY),
      );
      const file = (name: string, content: string | Buffer): string => {
        writeFileSync(join(folder, name), content);
        return join(folder, name);
      };
      const signed = Buffer.concat([Buffer.from(`DSSEv1 29 ${TYPE} 10 `), Buffer.from(payload, 'base64')]);
      const pem = file('pem', publicPem(PUBLIC));
      const files = [
        '-in',
        file('in', signed),
        '-sigfile',
        file('sig', Buffer.from(signatures[0].sig, 'base64')),
      ];
      const verify = ['pkeyutl', '-verify', '-pubin', '-inkey', pem, '-rawin', ...files];
      expect(execFileSync('openssl', verify, { encoding: 'utf8' })).toContain('Verified Successfully');
      const der = execFileSync('openssl', ['pkey', '-pubin', '-in', pem, '-outform', 'DER']);
      const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der, encoding: 'utf8' });
      expect(digest.split(' ')[0]).toBe(signatures[0].keyid);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('may use either alphabet of base64, white space, and names that nobody knows', async () => {
    // Its base64 has both characters that differ.
    const payload = Buffer.from([0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff]);
    const envelope = JSON.parse(await seal(TYPE, payload, KEY));
    expect(envelope.payload).toBe('++++////');
    const other = { ...envelope, payload: '----____', more: 1 };
    expect(unseal(JSON.stringify(other, null, 2), TYPE, [PUBLIC]).payload).toEqual(payload);
    const mixed = { ...envelope, payload: '++++____' };
    expect(() => unsealed(JSON.stringify(mixed))).toThrow('payload: expected base64');
  });

  it('is found among signatures of others, and by any of the keys', async () => {
    const other = generateKeyPairSync('ed25519');
    const envelope = JSON.parse(await seal(TYPE, Buffer.from('x'), KEY));
    const foreign = { keyid: keyIdOf(other.publicKey), sig: 'AAAA' };
    const text = JSON.stringify({ ...envelope, signatures: [foreign, ...envelope.signatures] });
    expect(unsealed(text)).toBe('x');
    expect(unseal(JSON.stringify(envelope), TYPE, [other.publicKey, PUBLIC]).key).toBe(PUBLIC);
  });
});

describe('an envelope that is refused', () => {
  it('has a bit that was changed, whichever it is', async () => {
    const bytes = Buffer.from(await seal(TYPE, Buffer.from('{"a":"hello world"}'), KEY));
    for (let at = 0; at < bytes.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        expect(() => unsealed(changed.toString()), `bit ${bit} of byte ${at}: ${changed}`).toThrow(
          EnvelopeError,
        );
      }
  });

  it('ends early, wherever it does', async () => {
    const text = await seal(TYPE, Buffer.from('hello world'), KEY);
    for (let length = 0; length < text.length; length++)
      expect(() => unsealed(text.slice(0, length))).toThrow('expected the JSON of an envelope');
  });

  it.each([
    ['null', 'envelope: expected a JSON object'],
    ['[]', 'envelope: expected a JSON object'],
    ['{}', 'signatures: expected a list'],
    ['{"signatures":[null]}', 'payload: expected a text, got nothing'],
    ['{"payload":"","payloadType":1,"signatures":[]}', 'payloadType: expected a text, got number'],
    [`{"payload":"","payloadType":"${TYPE}","signatures":[7]}`, 'signatures: expected a JSON object'],
    [`{"payload":"","payloadType":"${TYPE}","signatures":[]}`, 'got one by nobody'],
    [`{"payload":"a b","payloadType":"${TYPE}","signatures":[]}`, 'payload: expected base64'],
    ['{"payload":"","payloadType":"text/plain","signatures":[]}', 'payloadType: expected http'],
  ])('is %s', (text, message) => {
    expect(() => unsealed(text)).toThrow(message);
  });

  it('is by another key, and says which', async () => {
    const other = generateKeyPairSync('ed25519').publicKey;
    const text = await seal(TYPE, Buffer.from('x'), KEY);
    expect(() => unsealed(text, [other])).toThrow(
      `signatures: expected one by key ${keyIdOf(other)}, got one by "${keyIdOf(PUBLIC)}"`,
    );
    // A signature of another with the name of ours.
    const forged = JSON.parse(text);
    const { privateKey } = generateKeyPairSync('ed25519');
    forged.signatures[0].sig = sign(null, preAuthEncoding(TYPE, Buffer.from('x')), privateKey).toString(
      'base64',
    );
    expect(() => unsealed(JSON.stringify(forged))).toThrow('the signature is not valid');
  });

  it('was signed as something else', async () => {
    const envelope = JSON.parse(await seal('text/plain', Buffer.from('x'), KEY));
    expect(() => unsealed(JSON.stringify({ ...envelope, payloadType: TYPE }))).toThrow(
      'the signature is not valid',
    );
    // Of the payload alone, without its type.
    envelope.signatures[0].sig = sign(null, Buffer.from('x'), KEY).toString('base64');
    expect(() => unsealed(JSON.stringify(envelope), [PUBLIC], 'text/plain')).toThrow(
      'the signature is not valid',
    );
  });
});

describe('keys', () => {
  it('are read from PEM, with lines between them', () => {
    const other = generateKeyPairSync('ed25519').publicKey;
    const keys = parsePublicKeys(`# one\n${PUBLIC_PEM}\n# two\n${publicPem(other)}`);
    expect(keys.map(keyIdOf)).toEqual([keyIdOf(PUBLIC), keyIdOf(other)]);
    expect(publicPem(PUBLIC)).toBe(PUBLIC_PEM);
  });

  it('are refused when they are none, or for another purpose', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const broken = PUBLIC_PEM.replace('MCow', 'MCox');
    for (const text of ['', 'x', broken, String(rsa.publicKey.export({ type: 'spki', format: 'pem' }))])
      expect(() => parsePublicKeys(text)).toThrow(KeyError);
    for (const text of ['', PUBLIC_PEM, String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }))])
      expect(() => parsePrivateKey(text)).toThrow('expected a private key of Ed25519 as PEM, got');
  });
});
