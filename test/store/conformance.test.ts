/** Runs the conformance suite of stores against SQLite. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { storeConformance } from './conformance.ts';

const onEnd = disposers();

storeConformance('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-store-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const store = openStore(join(folder, 'cloister.db'));
  onEnd(() => store.close());
  return store;
});
