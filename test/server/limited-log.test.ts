// What clients cause is logged in single lines, and not without bound.
import { expect, it } from 'vitest';
import { limitedLog } from '../../src/server/limited-log.ts';

it('passes on ten lines in ten seconds, each one line, and says how many were left out', () => {
  const lines: string[] = [];
  let now = 0;
  const log = limitedLog((line) => lines.push(line), { now: () => now });
  for (let n = 0; n < 100; n++) log(`Error: ${n}\n    at x (file.ts:1)\u001b[31m`);
  expect(lines).toHaveLength(10);
  expect(lines[0]).toBe('Error: 0     at x (file.ts:1) [31m');
  now = 10_000;
  log('x'.repeat(1000));
  expect(lines.slice(10)).toEqual(['90 further lines about clients were left out', `${'x'.repeat(300)}...`]);
});
