/** Lines of shell that make system calls, for probes. */

import { ARCHITECTURES } from '../../../src/runtime/seccomp/index.ts';

/** A line of shell that makes a system call. */
export const call = (name: string, ...values: readonly (number | string)[]): string => {
  const number = ARCHITECTURES[process.arch]?.syscalls[name];
  if (number === undefined) throw new Error(`${process.arch} has no call ${name}`);
  return ['$PROBE call', number, ...values].join(' ');
};
