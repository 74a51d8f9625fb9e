/** The types of the policy: verdicts, tests, rules. */

/** What happens to a call: it is allowed, fails with an errno (0: it does nothing and succeeds), or kills the process. */
export type Verdict = 'allow' | 'kill' | { readonly errno: number };

/**
 * A test of 32 bits of an argument. The kernel reads what it declares as `int` from the low half of the register, whatever
 * the high half is, and so does a test of the low half: a filter that compared all 64 bits could be bypassed by setting
 * one of the high bits (CVE-2019-10063).
 */
export interface Test {
  /** 0 to 5. */
  readonly argument: number;
  readonly half: 'low' | 'high';
  /** The tested bits. */
  readonly mask: number;
  /** Holds when they are one of these. */
  readonly values: readonly number[];
}

/** The verdict, or a further rule, of the first case whose tests all hold; otherwise the last one. */
export interface Rule {
  readonly cases: readonly { readonly when: readonly Test[]; readonly verdict: Verdict | Rule }[];
  readonly otherwise: Verdict;
}

/** Names of system calls, separated by spaces, grouped by what they have in common. */
export type Groups = Readonly<Record<string, string>>;

/** Which calls may be made. It has exactly one decision for every call in the tables. */
export interface Policy {
  /** Allowed. */
  readonly allowed: Groups;
  /** Fail with EPERM. */
  readonly refused: Groups;
  /** Fail with ENOSYS, as on a kernel without them. So do calls that are in no table. */
  readonly absent: Groups;
  /** Depend on their arguments. */
  readonly ruled: Readonly<Record<string, Rule>>;
}

/** The mask of a test of a whole half. */
export const ALL_BITS = 0xffff_ffff;

/** The low half of an argument, or some bits of it, is one of some values. */
export const low = (argument: number, values: readonly number[], mask = ALL_BITS): Test => ({
  argument,
  half: 'low',
  mask,
  values,
});

/** The high half of an argument is zero. */
export const noHighBits = (argument: number): Test => ({
  argument,
  half: 'high',
  mask: ALL_BITS,
  values: [0],
});
