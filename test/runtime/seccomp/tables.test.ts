/** The tables of system calls. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  headersRelease,
  readHeader,
  render,
  SOURCES,
  tablePath,
} from '../../../src/runtime/seccomp/generate.ts';
import { ARCHITECTURES } from '../../../src/runtime/seccomp/index.ts';

const hasHeader = (name: string): boolean => {
  try {
    execFileSync('cc', ['-E', '-include', name, '-x', 'c', '/dev/null'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const TABLES = new Map([
  ['x86_64', ARCHITECTURES['x64']],
  ['aarch64', ARCHITECTURES['arm64']],
]);

describe.each(SOURCES)('the table of $name', (source) => {
  const committed = TABLES.get(source.name)?.syscalls ?? {};
  const written = readFileSync(tablePath(source), 'utf8');
  const present = hasHeader(source.header) && hasHeader('linux/version.h');
  const same = present && written.includes(` of Linux ${headersRelease()}.`);

  it.skipIf(!same)(
    'is what generate.ts writes (needs the headers of the kernel that it was written from)',
    () => {
      expect(render(source)).toBe(written);
    },
  );

  it.skipIf(!present)('agrees with the headers of this machine (needs them)', () => {
    const here = readHeader(source);
    const both = [...here].filter(([name]) => name in committed);
    expect(both.length).toBeGreaterThan(250);
    for (const [name, number] of both) expect(committed[name], name).toBe(number);
    // A call that only these headers have is younger than the table, which says so by its number.
    const numbers = new Set(Object.values(committed));
    for (const [name, number] of here) if (!(name in committed)) expect(numbers, name).not.toContain(number);
  });

  it('has a number for each call, and for each number one call', () => {
    const numbers = Object.values(committed);
    expect(numbers.length).toBeGreaterThan(300);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const number of numbers) expect(Number.isInteger(number) && number >= 0 && number < 1024).toBe(true);
  });

  it('has well-known numbers', () => {
    const known =
      source.name === 'x86_64'
        ? { read: 0, write: 1, clone: 56, execve: 59, ptrace: 101, openat: 257, bpf: 321, clone3: 435 }
        : { openat: 56, read: 63, write: 64, ptrace: 117, clone: 220, execve: 221, bpf: 280, clone3: 435 };
    expect(committed).toMatchObject(known);
  });
});
