/** The settings of huge pages. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hugePageSettings } from '../../../src/runtime/cgroup/huge-pages.ts';
import { disposers } from '../../support/disposers.ts';
import { folder } from './fixture.ts';

const onEnd = disposers();

it('there is a setting for each size of huge pages, as the kernel names it', () => {
  const sizes = folder(onEnd);
  for (const size of [64, 2048, 32_768, 1_048_576, 16_777_216]) mkdirSync(join(sizes, `hugepages-${size}kB`));
  mkdirSync(join(sizes, 'other'));
  expect(new Set(hugePageSettings(sizes))).toEqual(
    new Set(
      ['64KB', '2MB', '32MB', '1GB', '16GB'].map((size) => ({
        file: `hugetlb.${size}.max`,
        value: '0',
        optional: true,
      })),
    ),
  );
});

it('a kernel without huge pages needs none', () => {
  expect(hugePageSettings('/nowhere')).toEqual([]);
});
