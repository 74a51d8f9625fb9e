/** How a bearer token is checked. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { Tokens } from '../../src/access/tokens.ts';
import { decideIdentity } from '../../src/server/identity.ts';
import { openTokens, TOKEN } from './fake-tokens.ts';

let tokens: Tokens;

beforeEach(async () => {
  tokens = await openTokens();
});

describe('decideIdentity', () => {
  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER ${TOKEN}`])('accepts %j', (authorization) => {
    expect(decideIdentity(authorization, tokens)).toEqual({
      subject: 'admin',
      role: 'ADMIN',
      method: 'TOKEN',
      credential: 'token admin',
    });
  });

  it.each([
    undefined,
    null,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer  ${TOKEN}`,
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    [`Bearer ${TOKEN}`],
    { toString: () => `Bearer ${TOKEN}` },
    true,
  ])('does not know %j', (authorization) => {
    expect(decideIdentity(authorization, tokens)).toBeNull();
  });
});
