import { ANSWER, CODE, FARTHEST_BRANCH, type Instruction, MOST_INSTRUCTIONS, OFFSET } from './program.ts';
import type { Rule, Test, Verdict } from './rule.ts';

/** What a policy says, number by number. Numbers that are not there are those of no known call. */
export interface Decisions {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly architecture: number;
  readonly calls: ReadonlyMap<number, Verdict | Rule>;
  readonly unknown: Verdict;
}

/** A decision that holds from a number up to the next span. */
interface Span {
  readonly from: number;
  readonly decision: Verdict | Rule;
}

/**
 * Compiles decisions into a filter for seccomp(2). Calls of another architecture end the process: a filter for this
 * one's numbers cannot judge them. Verdicts that need no argument are found without looking at one, so that the kernel
 * finds them once, when it takes the filter, and such calls cost nothing after that (Linux 5.11 and newer).
 *
 * @throws RangeError when the program is longer than the kernel takes
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

/** All numbers, as few spans as possible. */
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

/** A balanced tree of comparisons; the number is in the accumulator. */
const search = (among: readonly Span[]): readonly Instruction[] => {
  const middle = among[among.length >> 1];
  if (middle === undefined) throw new RangeError('seccomp filter: nothing to search among');
  if (among.length === 1) return decide(middle.decision);
  const below = search(among.slice(0, among.length >> 1));
  const above = search(among.slice(among.length >> 1));
  if (below.length <= FARTHEST_BRANCH)
    return [
      { code: CODE.ifAtLeast, ifTrue: below.length, ifFalse: 0, operand: middle.from },
      ...below,
      ...above,
    ];
  return [
    { code: CODE.ifAtLeast, ifTrue: 0, ifFalse: 1, operand: middle.from },
    { code: CODE.jump, ifTrue: 0, ifFalse: 0, operand: below.length },
    ...below,
    ...above,
  ];
};

const decide = (decision: Verdict | Rule): readonly Instruction[] => {
  if (!isRule(decision)) return [answer(decision)];
  const cases = decision.cases.flatMap(({ when, verdict }) => guard(when, [answer(verdict)]));
  return [...cases, answer(decision.otherwise)];
};

/** Goes on to `body` when all tests hold, and behind it when one does not. */
const guard = ([test, ...tests]: readonly Test[], body: readonly Instruction[]): readonly Instruction[] => {
  if (test === undefined) return body;
  const rest = guard(tests, body);
  return [...check(test, rest.length), ...rest];
};

/** Skips `length` instructions unless the test holds. */
const check = ({ argument, half, mask, values }: Test, length: number): readonly Instruction[] => [
  load(OFFSET.argument(argument, half)),
  { code: CODE.and, ifTrue: 0, ifFalse: 0, operand: mask >>> 0 },
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

const answer = (verdict: Verdict): Instruction => ({
  code: CODE.answer,
  ifTrue: 0,
  ifFalse: 0,
  operand: answerOf(verdict),
});

const answerOf = (verdict: Verdict): number => {
  if (verdict === 'allow') return ANSWER.allow;
  return verdict === 'kill' ? ANSWER.killProcess : ANSWER.errno | verdict.errno;
};
