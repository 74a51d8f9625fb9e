/** Compiles the decisions about system calls into a BPF program. */

import { ANSWER, CODE, FARTHEST_BRANCH, type Instruction, MOST_INSTRUCTIONS, OFFSET } from './program.ts';
import { ALL_BITS, type Rule, type Test, type Verdict } from './rule.ts';

/** The decisions of a policy by number. A number that is missing is not a known call. */
export interface Decisions {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly architecture: number;
  readonly calls: ReadonlyMap<number, Verdict | Rule>;
  readonly unknown: Verdict;
}

/** A decision for the numbers from one up to the next span. */
interface Span {
  readonly from: number;
  readonly decision: Verdict | Rule;
}

/**
 * Compiles decisions into a filter for seccomp(2). Calls of another architecture kill the process: the numbers of
 * this one mean nothing for them. Verdicts that need no argument are found without reading one, so that the kernel
 * computes them once, when it loads the filter, and such calls cost nothing after that (Linux 5.11 and newer).
 *
 * @throws RangeError if the program is longer than the kernel accepts
 */
export const compile = ({ architecture, calls, unknown }: Decisions): readonly Instruction[] => {
  const program = [
    load(OFFSET.architecture),
    { code: CODE.ifEqual, ifTrue: 1, ifFalse: 0, operand: architecture },
    answer('kill'),
    load(OFFSET.number),
    ...search(spans(calls, unknown)),
  ];
  if (program.length > MOST_INSTRUCTIONS)
    throw new RangeError(`seccomp filter: ${program.length} instructions, at most ${MOST_INSTRUCTIONS}`);
  return program;
};

/** All numbers, in as few spans as possible. */
const spans = (calls: Decisions['calls'], unknown: Verdict): readonly Span[] => {
  const found: Span[] = [{ from: 0, decision: calls.get(0) ?? unknown }];
  const end = Math.max(...calls.keys()) + 1;
  for (let number = 1; number <= end; number++) {
    const decision = calls.get(number) ?? unknown;
    if (!isSame(decision, found.at(-1)?.decision)) found.push({ from: number, decision });
  }
  return found;
};

const isRule = (decision: Verdict | Rule): decision is Rule =>
  typeof decision === 'object' && 'cases' in decision;

const isSame = (first: Verdict | Rule, second: Verdict | Rule | undefined): boolean => {
  if (second === undefined || isRule(first) || isRule(second)) return first === second;
  return answerOf(first) === answerOf(second);
};

/**
 * A balanced tree of comparisons of the number, which is in the accumulator, followed by the verdicts, each once: the time
 * to load a filter, which every job waits for, grows with its length.
 */
const search = (among: readonly Span[]): readonly Instruction[] => {
  const verdicts = among.flatMap(({ decision }) => (isRule(decision) ? [] : [answerOf(decision)]));
  const shared = [...new Set(verdicts)];
  return [...lay(among, shared, 0), ...shared.map(answerWith)];
};

/** More instructions than can lie between a branch to a verdict and what was emitted before it: a rule and a branch. */
const MARGIN = 96;

/**
 * Code for some of the spans, which `following` instructions and the shared verdicts follow. Empty for a single verdict that
 * a branch can reach.
 */
const lay = (
  among: readonly Span[],
  shared: readonly number[],
  following: number,
): readonly Instruction[] => {
  const [first] = among;
  const upper = among.slice(among.length >> 1);
  const [middle] = upper;
  if (first === undefined || middle === undefined) throw new RangeError('seccomp filter: no spans');
  const distance = ({ decision }: Span): number =>
    following + (isRule(decision) ? 0 : shared.indexOf(answerOf(decision)));
  if (among.length === 1) {
    const { decision } = first;
    return isRule(decision) || distance(first) + MARGIN > FARTHEST_BRANCH ? decide(decision) : [];
  }
  const above = lay(upper, shared, following);
  const below = lay(among.slice(0, among.length >> 1), shared, following + above.length);
  const ifTrue = below.length + (above.length > 0 ? 0 : distance(middle));
  const ifFalse = below.length > 0 ? 0 : above.length + distance(first);
  const operand = middle.from;
  if (ifTrue <= FARTHEST_BRANCH)
    return [{ code: CODE.ifAtLeast, ifTrue, ifFalse, operand }, ...below, ...above];
  return [
    { code: CODE.ifAtLeast, ifTrue: 0, ifFalse: 1 + ifFalse, operand },
    { code: CODE.jump, ifTrue: 0, ifFalse: 0, operand: ifTrue },
    ...below,
    ...above,
  ];
};

const decide = (decision: Verdict | Rule): readonly Instruction[] => {
  if (!isRule(decision)) return [answer(decision)];
  const cases = decision.cases.flatMap(({ when, verdict }) => guard(when, decide(verdict)));
  return [...cases, answer(decision.otherwise)];
};

/** Runs `body` if all tests hold, and skips it otherwise. */
const guard = ([test, ...tests]: readonly Test[], body: readonly Instruction[]): readonly Instruction[] => {
  if (test === undefined) return body;
  const rest = guard(tests, body);
  return [...check(test, rest.length), ...rest];
};

/** Skips `length` instructions if the test does not hold. */
const check = ({ argument, half, mask, values }: Test, length: number): readonly Instruction[] => [
  load(OFFSET.argument(argument, half)),
  ...(mask === ALL_BITS ? [] : [{ code: CODE.and, ifTrue: 0, ifFalse: 0, operand: mask >>> 0 }]),
  ...values.map((value, index) => ({
    code: CODE.ifEqual,
    ifTrue: values.length - 1 - index,
    ifFalse: index === values.length - 1 ? length : 0,
    operand: value >>> 0,
  })),
];

const load = (offset: number): Instruction => ({
  code: CODE.load,
  ifTrue: 0,
  ifFalse: 0,
  operand: offset,
});

const answer = (verdict: Verdict): Instruction => answerWith(answerOf(verdict));

const answerWith = (operand: number): Instruction => ({ code: CODE.answer, ifTrue: 0, ifFalse: 0, operand });

const answerOf = (verdict: Verdict): number => {
  if (verdict === 'allow') return ANSWER.allow;
  return verdict === 'kill' ? ANSWER.killProcess : ANSWER.errno | verdict.errno;
};
