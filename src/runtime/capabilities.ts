/** The capabilities that commands get (capabilities(7)). */

// In the order of their numbers in linux/capability.h.
const NAMES = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...[
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_PACCT',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_NICE',
  ],
  ...[
    'SYS_RESOURCE',
    'SYS_TIME',
    'SYS_TTY_CONFIG',
    'MKNOD',
    'LEASE',
    'AUDIT_WRITE',
    'AUDIT_CONTROL',
    'SETFCAP',
  ],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  'CHECKPOINT_RESTORE',
] as const;

const set = (names: readonly (typeof NAMES)[number][]): bigint =>
  names.reduce((bits, name) => bits | (1n << BigInt(NAMES.indexOf(name))), 0n);

/** The names, without `CAP_`, of a bit set; a capability newer than this list appears as its number. */
export const capabilityNames = (bits: bigint): readonly string[] => {
  const names: string[] = [];
  for (let number = 0; bits >> BigInt(number) > 0n; number++)
    if ((bits >> BigInt(number)) & 1n) names.push(NAMES[number] ?? String(number));
  return names;
};

/**
 * The capabilities of a command that is root of its cell, as bit sets. They apply to the cell's own ids, files and
 * network only: outside of its user namespace a cell has none.
 */
export const CAPABILITIES = {
  NONE: 0n,
  /** For package managers, su and chown: owners, modes, other users, low ports. */
  ROOT_IN_CELL: set([
    ...(['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'] as const),
    ...(['KILL', 'SETGID', 'SETUID', 'NET_BIND_SERVICE'] as const),
  ]),
} as const;
