/** Jobs whose every byte and whose end are known before they start. */

import { BEGAN } from './churn.ts';
import { pick, type Random } from './random.ts';

/** A job whose every byte and whose end are known before it starts. */
export interface ScriptedJob {
  readonly name: string;
  readonly input: Record<string, unknown>;
  /** As `verdictOf` gives it. */
  readonly verdict: string;
  readonly stdout: string;
  readonly stderr: string;
  /** What it shows on its terminal, if it has one. */
  readonly terminal?: string;
  /** What is written to its standard input once it has shown something; that ends then. */
  readonly typed?: string;
}

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('');

const SCRIPTED_JOBS: readonly [(random: Random) => ScriptedJob, ...((random: Random) => ScriptedJob)[]] = [
  (random) => {
    const [count, code] = [5 + random(60), random(256)];
    return {
      name: 'counter',
      input: {
        command: `echo began >&2; i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo $i; sleep 0.01; done; exit ${code}`,
      },
      verdict: `COMPLETED ${code}`,
      stdout: lines(count),
      stderr: BEGAN,
    };
  },
  (random) => {
    const count = 1000 + random(100_000);
    return {
      name: 'flood',
      input: { command: `echo began >&2; seq ${count}; sleep 0.1; seq 10` },
      verdict: 'COMPLETED 0',
      stdout: lines(count) + lines(10),
      stderr: BEGAN,
    };
  },
  (random) => {
    const count = 5 + random(30);
    return {
      name: 'both streams',
      input: {
        command: `echo began >&2; i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo $i; echo $i >&2; sleep 0.01; done; kill -TERM $$`,
      },
      verdict: 'COMPLETED SIGTERM',
      stdout: lines(count),
      stderr: BEGAN + lines(count),
    };
  },
  (random) => ({
    name: 'deadline',
    input: { command: 'echo began >&2; sleep 1000 & sleep 1000', limits: { timeout: 50 + random(600) } },
    verdict: 'LIMIT_EXCEEDED TIME',
    stdout: '',
    stderr: BEGAN,
  }),
  (random) => {
    const typed = lines(1000 + random(60_000));
    return {
      name: 'open input',
      input: { command: 'echo began >&2; echo 1; cat', openStdin: true },
      verdict: 'COMPLETED 0',
      stdout: lines(1) + typed,
      stderr: BEGAN,
      typed,
    };
  },
  (random) => {
    const typed = lines(1000 + random(20_000));
    return {
      name: 'terminal',
      input: {
        // Without the end of input, which on a terminal that is raw is a character like others.
        command: `stty raw -echo; printf 'began\\n'; head -c ${typed.length}; exit 9`,
        terminal: { rows: 24, columns: 80 },
      },
      verdict: 'COMPLETED 9',
      stdout: '',
      stderr: '',
      terminal: BEGAN + typed,
      typed,
    };
  },
  () => ({
    name: 'short',
    input: { command: 'echo began >&2; echo 1' },
    verdict: 'COMPLETED 0',
    stdout: lines(1),
    stderr: BEGAN,
  }),
];

export const randomScriptedJob = (random: Random): ScriptedJob => pick(random, SCRIPTED_JOBS)(random);
