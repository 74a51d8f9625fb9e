/** Progress of downloads. */

import { expect, it } from 'vitest';
import { progressLines, progressOnTerminal } from '../../rootfs/progress.ts';

it('writes one line for each quarter of a download', () => {
  const lines: string[] = [];
  const progress = progressLines((line) => lines.push(line));
  for (let received = 0; received <= 3_000_000; received += 10_000) progress.update(received, 3_000_000);
  progress.end();
  expect(lines).toEqual([
    '  0.8 of 3.0 MB (25 %)',
    '  1.5 of 3.0 MB (50 %)',
    '  2.3 of 3.0 MB (75 %)',
    '  3.0 of 3.0 MB (100 %)',
  ]);
});

it('writes over one line of a terminal, and leaves it at the end', () => {
  const written: string[] = [];
  const progress = progressOnTerminal({ write: (text) => written.push(text) });
  progress.update(1_000_000, 2_000_000);
  progress.update(1_000_001, 2_000_000);
  progress.update(2_000_000, 2_000_000);
  progress.end();
  progress.end();
  expect(written).toEqual(['\r  1.0 of 2.0 MB (50 %)\u001b[K', '\r  2.0 of 2.0 MB (100 %)\u001b[K', '\n']);
});
