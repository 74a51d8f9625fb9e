/** Ids of jobs are valid and unique, and increase. */

import { describe, expect, it, vi } from 'vitest';
import { isJobId, newJobId } from '../../src/jobs/id.ts';

describe('an id', () => {
  it('is a UUID of version 7 that contains its millisecond', () => {
    const before = Date.now();
    const id = newJobId();
    expect(isJobId(id)).toBe(true);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  it('increases strictly, also when the clock is set back', () => {
    const clock = vi.spyOn(Date, 'now');
    try {
      const ids: string[] = [];
      for (const now of [Date.now() + 1000, Date.now() - 3_600_000]) {
        clock.mockReturnValue(now);
        for (let index = 0; index < 10_000; index++) ids.push(newJobId());
      }
      expect(ids).toEqual(ids.toSorted());
      expect(new Set(ids).size).toBe(ids.length);
    } finally {
      clock.mockRestore();
    }
  });

  it.each([
    ['nothing', ''],
    ['a UUID of version 4', '01890000-0000-4000-8000-000000000000'],
    ['another variant', '01890000-0000-7000-c000-000000000000'],
    ['upper case', '01890000-0000-7000-8000-00000000000A'],
    ['no hyphens', '01890000000070008000000000000000'],
    ['something before it', '/01890000-0000-7000-8000-000000000000'],
    ['a line after it', '01890000-0000-7000-8000-000000000000\n'],
    ['a way out of its folder', '../../../../../../../../../../../etc'],
  ])('is not %s', (_title, text) => {
    expect(isJobId(text)).toBe(false);
  });
});
