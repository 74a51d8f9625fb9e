/** Random jobs, and random actions on them while they run. */

import { pick, type Random } from './random.ts';
import type { JobFields } from './server.ts';

/** A kind of job, and how it ends when nobody interferes. */
export interface Kind {
  readonly name: string;
  readonly input: Record<string, unknown>;
  /** A verdict as `verdictOf` gives it, or `null` for a job that never ends by itself. */
  readonly natural: string | null;
  /** Bytes of standard output of a job that ends by itself, where they are certain. */
  readonly output?: number;
}

/** The first words of a command on standard error, by which its executions are counted. */
export const BEGAN = 'began\n';

const shell = (line: string): { readonly command: string } => ({ command: `echo began >&2; ${line}` });

const KINDS: readonly [(random: Random) => Kind, ...((random: Random) => Kind)[]] = [
  (random) => {
    const code = random(256);
    return { name: 'exit code', input: shell(`exit ${code}`), natural: `COMPLETED ${code}` };
  },
  (random) => {
    const signal = pick(random, ['TERM', 'KILL', 'SEGV', 'HUP', 'USR1']);
    return { name: 'signal', input: shell(`kill -${signal} $$`), natural: `COMPLETED SIG${signal}` };
  },
  (random) => {
    const bytes = random(300_000);
    const input = shell(`head -c ${bytes} /dev/zero`);
    return { name: 'flood', input, natural: 'COMPLETED 0', output: bytes };
  },
  () => ({
    name: 'output limit',
    input: { ...shell('yes'), limits: { output: '20K' } },
    natural: 'LIMIT_EXCEEDED OUTPUT',
  }),
  (random) => ({
    name: 'daemons',
    input: shell('setsid sleep 1000 & (sleep 1000 &) ; (setsid sh -c "sleep 1000 & sleep 1000" &) ; exit 7'),
    natural: 'COMPLETED 7',
    ...(random(2) === 0 ? {} : { output: 0 }),
  }),
  () => ({
    name: 'orphans',
    input: shell('for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 &) ; done'),
    natural: 'COMPLETED 0',
  }),
  (random) => ({
    name: 'timeout',
    input: { ...shell('sleep 1000 & sleep 1000'), limits: { timeout: 20 + random(300) } },
    natural: 'LIMIT_EXCEEDED TIME',
  }),
  (random) => ({ name: 'sleeper', input: shell(`sleep 0.${random(5)}`), natural: 'COMPLETED 0' }),
  (random) => ({
    name: 'no such command',
    input: { argv: [pick(random, ['/nosuch', 'nosuch', '/etc/passwd', '/tmp'])] },
    natural: 'FAILED',
  }),
  (random) => {
    const stdin = 'x'.repeat(random(200_000));
    return {
      name: 'reader',
      input: { ...shell('cat'), stdin },
      natural: 'COMPLETED 0',
      output: stdin.length,
    };
  },
  () => ({
    name: 'no reader',
    input: { ...shell('true'), stdin: 'x'.repeat(200_000) },
    natural: 'COMPLETED 0',
    output: 0,
  }),
  () => ({ name: 'endless', input: shell('while :; do echo; sleep 0.05; done'), natural: null }),
  () => ({ name: 'deaf', input: shell("trap '' TERM; while :; do sleep 1; done"), natural: null }),
  () => ({ name: 'input that stays open', input: { ...shell('cat'), openStdin: true }, natural: null }),
  () => ({
    name: 'terminal',
    input: { command: 'sleep 1000 & exec sh', terminal: { rows: 24, columns: 80 } },
    natural: null,
  }),
  () => ({
    name: 'crowd',
    input: shell('for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; wait'),
    natural: null,
  }),
];

/** An action on a job, `after` milliseconds from its submission on. */
export type Fate =
  | { readonly kind: 'left alone' }
  | { readonly kind: 'stopped'; readonly after: number; readonly grace: number }
  /** Its supervisor is killed. */
  | { readonly kind: 'orphaned'; readonly after: number };

export interface Life {
  readonly kind: Kind;
  readonly fate: Fate;
}

/** A job of any kind; of those that could be left alone, two of three are. */
export const randomLife = (random: Random): Life => {
  const kind = pick(random, KINDS)(random);
  const after = random(pick(random, [1, 10, 100, 400]));
  const leave = kind.natural !== null && random(24) < 19;
  if (leave) return { kind, fate: { kind: 'left alone' } };
  if (random(2) === 0) return { kind, fate: { kind: 'orphaned', after } };
  return { kind, fate: { kind: 'stopped', after, grace: pick(random, [0, 50, 1000]) } };
};

/** The end of a job in a few words, such as `COMPLETED 3` and `LIMIT_EXCEEDED TIME`. */
export const verdictOf = ({ status, exitCode, signal, limitExceeded }: JobFields): string => {
  if (status === 'COMPLETED') return `COMPLETED ${exitCode ?? signal}`;
  return status === 'LIMIT_EXCEEDED' ? `LIMIT_EXCEEDED ${limitExceeded}` : status;
};

/** The verdicts that are right for a life. What was done to a job may have come when it had ended. */
export const rightVerdicts = ({ kind, fate }: Life): string[] => {
  const natural = kind.natural === null ? [] : [kind.natural];
  switch (fate.kind) {
    case 'left alone':
      return natural;
    case 'stopped':
      return ['STOPPED', ...natural];
    case 'orphaned':
      return ['LOST', ...natural];
  }
};
