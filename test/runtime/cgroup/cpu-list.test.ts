/** Lists of CPUs. */

import { describe, expect, it } from 'vitest';
import { formatCpus, parseCpus } from '../../../src/runtime/cgroup/cpu-list.ts';

describe('a list of CPUs', () => {
  it.each([
    ['0', [0], '0'],
    ['0-3', [0, 1, 2, 3], '0-3'],
    ['7,0-2,1', [0, 1, 2, 7], '0-2,7'],
    [' 1 , 3-3', [1, 3], '1,3'],
    ['0,1', [0, 1], '0-1'],
  ])('%j', (text, cpus, printed) => {
    expect(parseCpus(text)).toEqual(cpus);
    expect(formatCpus(cpus)).toBe(printed);
  });

  it.each(['', ',', '1,', '-1', '2-1', 'all', '1.5', '0x1', '99999'])('is not %j', (text) => {
    expect(parseCpus(text)).toBeUndefined();
  });
});
