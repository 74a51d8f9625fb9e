/**
 * Writes the tables of system calls, `syscalls/*.ts`, from the kernel's headers (on Debian the package
 * linux-libc-dev), of this machine:
 *
 *     node src/runtime/seccomp/generate.ts
 *
 * A call that is new in a table must be added to the policy by hand: its tests require that.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the numbers of an architecture are defined. */
interface Source {
  readonly name: string;
  readonly header: string;
  /** What the architecture's own header defines before it includes the common one. */
  readonly defines: readonly string[];
}

export const SOURCES: readonly Source[] = [
  { name: 'x86_64', header: 'asm/unistd_64.h', defines: [] },
  {
    // The header of arm64 is installed only there, but contains no more than this (arch/arm64/include/uapi/asm/unistd.h
    // of Linux 6.1; later ones are generated from a table to the same end).
    name: 'aarch64',
    header: 'asm-generic/unistd.h',
    defines: ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET'].map(
      (name) => `__ARCH_WANT_${name}`,
    ),
  },
];

/** Names among the `__NR_*` that are not system calls. */
const NO_CALLS = new Set(['syscalls', 'arch_specific_syscall']);

const macros = (header: string, defines: readonly string[]): Map<string, string> => {
  const flags = defines.map((name) => `-D${name}`);
  // Standard error is part of the Error of a failure, and otherwise not needed.
  const text = execFileSync('cc', ['-E', '-dM', ...flags, '-include', header, '-x', 'c', '/dev/null'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  return new Map(
    text
      .matchAll(/^#define (\w+) (.+)$/gm)
      .map(([, name = '', value = '']): [string, string] => [name, value]),
  );
};

/**
 * The system calls of an architecture, in the order of their numbers.
 *
 * @throws Error when there is no compiler, or no such header
 */
export const readHeader = ({ header, defines }: Source): Map<string, number> => {
  const defined = macros(header, defines);
  const numberOf = (value: string): number => {
    const further = defined.get(value);
    return further === undefined ? Number(value) : numberOf(further);
  };
  const calls: [string, number][] = [];
  for (const [macro, value] of defined) {
    const name = /^__NR_(\w+)$/.exec(macro)?.[1];
    if (name !== undefined && !NO_CALLS.has(name)) calls.push([name, numberOf(value)]);
  }
  return new Map(calls.sort(([, first], [, second]) => first - second));
};

/** Release of the kernel that the headers belong to: "6.1". */
export const headersRelease = (): string => {
  const defined = macros('linux/version.h', []);
  return `${defined.get('LINUX_VERSION_MAJOR')}.${defined.get('LINUX_VERSION_PATCHLEVEL')}`;
};

/**
 * The source of a table.
 *
 * @throws Error as `readHeader`
 */
export const render = (source: Source): string => {
  const rows = [...readHeader(source)].map(([name, number]) => `  ${name}: ${number},\n`).join('');
  return (
    `/** System calls of ${source.name}. Written by generate.ts from ${source.header} of Linux ${headersRelease()}. */\n` +
    `export const ${source.name.toUpperCase()} = {\n${rows}} as const;\n`
  );
};

/** Path of the file that has the table. */
export const tablePath = ({ name }: Source): string => join(import.meta.dirname, 'syscalls', `${name}.ts`);

if (import.meta.main) for (const source of SOURCES) writeFileSync(tablePath(source), render(source));
