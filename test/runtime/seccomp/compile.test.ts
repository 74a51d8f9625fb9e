/** Compiling filters. */

import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/runtime/seccomp/compile.ts';
import { encodeProgram } from '../../../src/runtime/seccomp/program.ts';
import { low, type Rule, type Verdict } from '../../../src/runtime/seccomp/rule.ts';
import { pick, randomFrom } from '../../support/random.ts';
import { Interpreter } from './interpreter.ts';

const architecture = 7;
const unknown: Verdict = { errno: 38 };
const interpreter = (calls: ReadonlyMap<number, Verdict | Rule>) =>
  new Interpreter(encodeProgram(compile({ architecture, calls, unknown })));

describe('compile', () => {
  it('keeps every decision, whatever their order and number', () => {
    const random = randomFrom(4);
    const verdicts: readonly [Verdict, ...Verdict[]] = ['allow', 'kill', { errno: 1 }, { errno: 22 }];
    // With 1000 a branch of the tree is farther away than a conditional jump reaches.
    for (const most of [0, 1, 2, 3, 10, 100, 1000]) {
      const calls = new Map(
        Array.from({ length: most }, () => [random(1200), pick(random, verdicts)] as const),
      );
      const filter = interpreter(calls);
      for (let number = 0; number < 1300; number++) {
        const said = calls.get(number) ?? unknown;
        expect(filter.run({ architecture, number }).verdict).toBe(
          typeof said === 'object' ? said.errno : said,
        );
      }
    }
  });

  it('takes the first case whose tests all hold', () => {
    const rule: Rule = {
      cases: [
        { when: [low(0, [1, 2]), low(5, [3])], verdict: { errno: 1 } },
        { when: [low(0, [2, 4], 0xff)], verdict: { errno: 2 } },
        { when: [{ argument: 1, half: 'high', mask: 0xf000_0000, values: [0x8000_0000] }], verdict: 'kill' },
      ],
      otherwise: 'allow',
    };
    const filter = interpreter(new Map([[3, rule]]));
    const verdict = (...args: bigint[]) => filter.run({ architecture, number: 3, args }).verdict;
    expect(verdict(1n, 0n, 0n, 0n, 0n, 3n)).toBe(1);
    expect(verdict(2n, 0n, 0n, 0n, 0n, 3n)).toBe(1);
    expect(verdict(2n)).toBe(2);
    expect(verdict(0x1_0000_ff04n)).toBe(2);
    expect(verdict(1n)).toBe('allow');
    expect(verdict(0n, 0x8123_0000_0000_0000n)).toBe('kill');
    expect(verdict(0n, 0x8000_0000n)).toBe('allow');
    expect(filter.run({ architecture, number: 2 }).verdict).toBe(38);
  });

  it('refuses to make a program that the kernel would not accept', () => {
    const calls = new Map(Array.from({ length: 3000 }, (_, index) => [2 * index, 'allow'] as const));
    expect(() => compile({ architecture, calls, unknown })).toThrow(
      /^seccomp filter: \d+ instructions, at most 4096$/,
    );
  });
});
