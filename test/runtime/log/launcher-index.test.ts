/** The index as the supervisor writes it. */

import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LogFile } from '../../../src/runtime/log/file.ts';
import { writeIndex } from '../../../src/runtime/log/index-writer.ts';
import { CellBench } from '../../support/cell.ts';
import { temporaryFolder } from './fixture.ts';

let bench: CellBench;

beforeAll(() => {
  bench = new CellBench();
});

afterAll(() => bench.close());

it('is written by the supervisor exactly as it is rebuilt from the log', async () => {
  const flood = 'for i in 1 2 3 4 5; do seq 1 90000; echo "line $i" >&2; printf part >&2; done';
  const cell = await bench.start(['/bin/sh', '-c', flood]);
  await cell.finished;
  const log = join(await temporaryFolder(), 'log');
  copyFileSync(join(cell.folder, 'log'), log);
  const file = await LogFile.open(log, true);
  await writeIndex(log, file.blocks());
  await file.close();
  const expected = readFileSync(join(log, '..', 'index'));
  expect(expected.length / 64).toBeGreaterThanOrEqual(2);
  expect(readFileSync(join(cell.folder, 'index')).equals(expected)).toBe(true);
});
