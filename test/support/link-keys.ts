/** Keys of links for a server without a state folder. */

import { randomBytes } from 'node:crypto';
import type { LinkKeySource } from '../../src/access/link-signer.ts';

/** A key that nobody else has. */
export const newLinkKeys = (): LinkKeySource => {
  const current = randomBytes(32);
  return { current, accepted: [current] };
};
