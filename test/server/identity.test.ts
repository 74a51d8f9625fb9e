/** How a bearer token is checked. */

import { describe, expect, it } from 'vitest';
import { decideIdentity } from '../../src/server/identity.ts';

const TOKEN = 'a-token-of-forty-characters-0123456789ab';

describe('decideIdentity', () => {
  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER ${TOKEN}`])('accepts %j', (authorization) => {
    expect(decideIdentity(authorization, TOKEN)).toEqual({
      subject: 'admin',
      role: 'ADMIN',
      method: 'TOKEN',
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
    expect(decideIdentity(authorization, TOKEN)).toBeNull();
  });
});
