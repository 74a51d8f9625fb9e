/** The seccomp filter of cells. */

import { compile, type Decisions } from './compile.ts';
import { ENOSYS, EPERM, POLICY } from './policy.ts';
import { encodeProgram } from './program.ts';
import type { Groups, Policy, Rule, Verdict } from './rule.ts';
import { AARCH64 } from './syscalls/aarch64.ts';
import { X86_64 } from './syscalls/x86_64.ts';

/** An architecture that cells run on. */
export interface Architecture {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number;
  readonly syscalls: Readonly<Record<string, number>>;
}

/** By the names of `process.arch`. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: { audit: 0xc000_003e, syscalls: X86_64 },
  arm64: { audit: 0xc000_00b7, syscalls: AARCH64 },
};

const KNOWN = new Set(Object.values(ARCHITECTURES).flatMap(({ syscalls }) => Object.keys(syscalls)));

/**
 * The decisions of a policy for the calls of an architecture.
 *
 * @throws Error if it does not have exactly one decision for each of them, or names one that no architecture has
 */
export const decide = (policy: Policy, { audit, syscalls }: Architecture): Decisions => {
  const said = new Map<string, Verdict | Rule>();
  const say = (name: string, decision: Verdict | Rule): void => {
    if (said.has(name)) throw new Error(`seccomp policy: two decisions about ${name}`);
    if (!KNOWN.has(name)) throw new Error(`seccomp policy: no architecture has ${name}`);
    said.set(name, decision);
  };
  for (const name of names(policy.allowed)) say(name, 'allow');
  for (const name of names(policy.refused)) say(name, EPERM);
  for (const name of names(policy.absent)) say(name, ENOSYS);
  for (const [name, rule] of Object.entries(policy.ruled)) say(name, rule);

  const calls = new Map<number, Verdict | Rule>();
  for (const [name, number] of Object.entries(syscalls)) {
    const decision = said.get(name);
    if (decision === undefined) throw new Error(`seccomp policy: no decision about ${name}`);
    calls.set(number, decision);
  }
  return { architecture: audit, calls, unknown: ENOSYS };
};

const names = (groups: Groups): readonly string[] =>
  Object.values(groups).flatMap((words) => words.trim().split(/\s+/));

/**
 * The filter of every cell, for `LaunchPlan.seccomp`. Compiling it takes longer than making a cell, so it is done once.
 *
 * @param arch as in `process.arch`
 * @throws Error on an architecture without a table of system calls
 */
export const cellFilter = (arch: string = process.arch): string => {
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined)
    throw new Error(
      `no seccomp filter for ${arch}: cells are made on ${Object.keys(ARCHITECTURES).join(' and ')}`,
    );
  return encodeProgram(compile(decide(POLICY, architecture)));
};
