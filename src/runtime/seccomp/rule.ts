/** What becomes of a call: it goes on to the kernel, fails with an errno, or ends the process. */
export type Verdict = 'allow' | 'kill' | { readonly errno: number };

/**
 * A look at 32 bits of an argument. What the kernel declares as `int` it takes from the low half of the register, no
 * matter what the high half holds: so does a test of the low half, and a filter that compared all 64 bits could be
 * passed by setting one above (CVE-2019-10063 was that).
 */
export interface Test {
  /** 0 to 5. */
  readonly argument: number;
  readonly half: 'low' | 'high';
  /** Bits that are looked at. */
  readonly mask: number;
  /** Holds when they are one of these. */
  readonly values: readonly number[];
}

/** The verdict of the first case of which all tests hold, or of the rule that goes on from there; of none, the last word. */
export interface Rule {
  readonly cases: readonly { readonly when: readonly Test[]; readonly verdict: Verdict | Rule }[];
  readonly otherwise: Verdict;
}

/** Names of calls between spaces, by what they have in common. */
export type Groups = Readonly<Record<string, string>>;

/** Which calls may be made. Of every call that a table knows it has to say something, and only once. */
export interface Policy {
  /** Go on to the kernel. */
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
