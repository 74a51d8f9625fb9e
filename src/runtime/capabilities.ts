// Numbers of linux/capability.h.
const CAP = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  NET_BIND_SERVICE: 10,
} as const;

const set = (numbers: readonly number[]): bigint =>
  numbers.reduce((bits, number) => bits | (1n << BigInt(number)), 0n);

/**
 * What a command that is root of its cell may do as such (capabilities(7)), as bit sets. All of it is over the cell's
 * own ids, files and network: outside of its user namespace a cell has nothing.
 */
export const CAPABILITIES = {
  NONE: 0n,
  /** What package managers, su and chown need: owners, modes, other users, low ports. */
  ROOT_IN_CELL: set(Object.values(CAP)),
} as const;
