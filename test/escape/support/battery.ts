/** Runs probes, each also in a cell without the defence. */

import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Cells, type Facts } from './cells.ts';
import { CELL, type Making } from './making.ts';

type Answer = string | RegExp;

/**
 * A question to a cell. By the rules of the battery it harms nothing where it is not refused: files are opened and not
 * written, calls have arguments that the kernel refuses, and what is taken has a bound.
 */
export interface Probe {
  /** What holds. */
  readonly name: string;
  /** The hole that was found elsewhere, or the rule. */
  readonly rule: string;
  /** For the cell's shell. Variables are the facts of the battery. */
  readonly script: string;
  /** What a cell answers: all output, trimmed. */
  readonly answer: Answer;
  /** What a further command in a cell that runs answers (`execInJob`). Default: the same. */
  readonly further?: Answer;
  /** What the weakened cell answers. Default: something else. */
  readonly otherwise?: Answer;
  /** The cell, where it is not the usual one. */
  readonly cell?: Making;
  /** The weakened cell, which shows that the probe can find something. */
  readonly weak: Making;
  /** A path of the host without which there is nothing to find; or why there is nothing to find here. */
  readonly needs?: string;
}

/** Runs probes, all of the same kind of cell in one: to make one takes longer than to ask. */
export const battery = (
  title: string,
  probes: readonly Probe[],
  facts: () => Facts | Promise<Facts> = () => ({}),
): void => {
  describe(title, () => {
    const cells = new Cells();
    afterAll(() => cells.close());
    // A cell cannot refuse what this machine does not have.
    const present = probes.filter(({ needs }) => needs === undefined || existsSync(needs));
    const answers = new Map<Making, Promise<ReadonlyMap<Probe, string>>>();
    const answersOf = (making: Making): Promise<ReadonlyMap<Probe, string>> => {
      const asked = present.filter(({ cell = CELL, weak }) => cell === making || weak === making);
      const found = answers.get(making) ?? ask(cells, making, asked, facts);
      answers.set(making, found);
      return found;
    };

    const inRunning = new Map<Making, Promise<ReadonlyMap<Probe, string>>>();
    const answersInRunning = (making: Making): Promise<ReadonlyMap<Probe, string>> => {
      const asked = present.filter(({ cell = CELL }) => cell === making);
      const found = inRunning.get(making) ?? ask(cells, making, asked, facts, 'shInRunning');
      inRunning.set(making, found);
      return found;
    };

    for (const probe of present) {
      const { name, rule, answer, further = answer, otherwise, cell = CELL, weak } = probe;
      it(`${name} [${rule}]`, async () => {
        const held = (await answersOf(cell)).get(probe);
        expect(held, 'in a cell').toEqual(matching(answer));
        const later = (await answersInRunning(cell)).get(probe);
        expect(later, 'of a further command in a cell that runs').toEqual(matching(further));
        const fallen = (await answersOf(weak)).get(probe);
        expect(fallen, 'in the weakened cell').toEqual(
          otherwise === undefined ? expect.not.stringMatching(pattern(answer)) : matching(otherwise),
        );
        expect(fallen).not.toBe(held);
      });
    }
  });
};

const matching = (answer: Answer): unknown =>
  typeof answer === 'string' ? answer : expect.stringMatching(answer);

const pattern = (answer: Answer): RegExp =>
  typeof answer === 'string' ? new RegExp(`^${answer.replaceAll(/[^\w\s]/g, '\\$&')}$`) : answer;

// No probe writes this byte.
const MARK = '\x01';

const ask = async (
  cells: Cells,
  making: Making,
  probes: readonly Probe[],
  facts: () => Facts | Promise<Facts>,
  how: 'sh' | 'shInRunning' = 'sh',
): Promise<ReadonlyMap<Probe, string>> => {
  const script = probes.map((probe) => `( ${probe.script}\n) 2>&1; printf '\\001'`).join('\n');
  const { stdout, stderr, failure } = await cells[how](script, making, await facts());
  expect({ failure, stderr }, 'the cell').toEqual({ failure: null, stderr: '' });
  const texts = stdout.split(MARK);
  expect(texts, 'answers').toHaveLength(probes.length + 1);
  return new Map(probes.map((probe, index) => [probe, texts[index]?.trim() ?? '']));
};
