/** Lists of CPUs, as cpuset(7) writes them. */

/**
 * Reads a list of CPUs as cpuset(7) writes it, `0-2,7`, in any order and with repetitions.
 *
 * @returns the numbers in their order, each once; `undefined` for text that is not such a list
 */
export const parseCpus = (text: string): readonly number[] | undefined => {
  const ranges: [first: number, last: number][] = [];
  for (const part of text.split(',')) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first)) return undefined;
    ranges.push([Number(first), Number(last)]);
  }
  ranges.sort(([one], [other]) => one - other);
  const cpus: number[] = [];
  // Each once, however many ranges include it: a long list of wide ranges costs no more than its text.
  let next = 0;
  for (const [first, last] of ranges) {
    for (let cpu = Math.max(first, next); cpu <= last; cpu++) cpus.push(cpu);
    next = Math.max(next, last + 1);
  }
  return cpus;
};

/** The list in the one form in which the kernel prints it. */
export const formatCpus = (cpus: readonly number[]): string => {
  const ranges: [number, number][] = [];
  for (const cpu of cpus) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === cpu - 1) last[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
};
