/** Who the holder of a client certificate is. */

import { X509Certificate } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { holderOf } from '../../src/access/certificate.ts';
import { Authority, validFor } from '../../src/certs/authority.ts';

const VALID = validFor(10);
let authority: Authority;

beforeAll(async () => {
  authority = await Authority.load(await Authority.create('Test', VALID));
});

const certificateOf = async (subject: string, role: string): Promise<Uint8Array<ArrayBuffer>> => {
  const { certificate } = await authority.client({ subject, role }, VALID);
  return Uint8Array.from(new X509Certificate(certificate).raw);
};

it('is read from a certificate once', async () => {
  const certificate = await certificateOf('alice', 'USER');
  const first = holderOf(certificate, undefined);
  expect(first.identity).toMatchObject({ subject: 'alice', role: 'USER' });
  const again = holderOf(Uint8Array.from(certificate), undefined);
  expect(again).toEqual(first);
  expect(again.identity?.validUntil).toBe(first.identity?.validUntil);
  // And is that of each.
  expect(holderOf(await certificateOf('alice', 'ADMIN'), undefined).identity?.role).toBe('ADMIN');
});

it('has the role that the file of roles has at the time', async () => {
  const certificate = await certificateOf('bob', 'ADMIN');
  const roleBy = (roles: ReadonlyMap<string, 'ADMIN' | 'USER' | 'VIEWER'>) =>
    holderOf(certificate, roles).identity?.role;
  expect(roleBy(new Map([['bob', 'VIEWER']]))).toBe('VIEWER');
  expect(roleBy(new Map([['bob', 'USER']]))).toBe('USER');
  expect(roleBy(new Map())).toBeUndefined();
  expect(holderOf(certificate, undefined).identity?.role).toBe('ADMIN');
});
