/** Huge pages, which memory.max does not count: no job has any. */

import { existsSync, readdirSync } from 'node:fs';
import type { CgroupSetting } from '../protocol/plan.ts';

/** The controller that counts them. It limits nothing that a job could ask for: without it the filter of calls stands alone. */
export const HUGE_PAGES = 'hugetlb';

const UNITS = [
  { unit: 'GB', kib: 1024 * 1024 },
  { unit: 'MB', kib: 1024 },
  { unit: 'KB', kib: 1 },
] as const;

/**
 * The settings of a job's cgroup that keep huge pages from it, one for each size that this kernel has
 * (hugetlb.<size>.max of cgroup-v2.rst). Where the controller is not handed down, the kernel has no such files.
 *
 * @param folder default `/sys/kernel/mm/hugepages`
 */
export const hugePageSettings = (folder = '/sys/kernel/mm/hugepages'): readonly CgroupSetting[] => {
  // A kernel without huge pages has no folder of them.
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => {
    const sizeKib = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    return sizeKib === undefined
      ? []
      : [{ file: `hugetlb.${format(Number(sizeKib))}.max`, value: '0', optional: true }];
  });
};

/** As mem_fmt() of mm/hugetlb_cgroup.c writes it. */
const format = (kib: number): string => {
  const { unit, kib: one } = UNITS.find((candidate) => kib >= candidate.kib) ?? UNITS[2];
  return `${Math.floor(kib / one)}${unit}`;
};
