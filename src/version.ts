/** Reads the version of this installation. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new Error('package.json names no version');
};

/** Of this installation, as in package.json. */
export const VERSION = read();
