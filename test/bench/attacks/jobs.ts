/** Attacks by jobs: each takes all it can get of something, again and again. */

import { readFileSync } from 'node:fs';
import { HOARD } from '../../escape/support/cells.ts';
import { program } from '../../support/programs.ts';

/** An attack that is carried out inside cells. */
export interface JobAttack {
  readonly name: string;
  /** The input of each of its jobs. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Whether only a cgroup bounds it: without one it takes all that the machine has. */
  readonly needsLimits?: boolean;
}

const again = (line: string): string => `while :; do ${line}; done`;

const shell = (name: string, command: string): JobAttack => ({ name, input: { command } });

/** Takes a thing until there is no more, releases it, and begins again. */
const hoard = (name: string, thing: string, most: number): JobAttack => ({
  name,
  input: {
    command: `base64 -d >/tmp/hoard && chmod +x /tmp/hoard && ${again(`/tmp/hoard ${thing} ${most} >/dev/null`)}`,
    stdin: readFileSync(program(HOARD)).toString('base64'),
  },
});

/** An attack that only a cgroup bounds. */
const boundless = (attack: JobAttack): JobAttack => ({ ...attack, needsLimits: true });

const flood = (name: string, command: string): JobAttack => ({
  name,
  input: { command, limits: { outputPolicy: 'TRUNCATE' } },
});

/** All of them. */
export const jobAttacks = (): readonly JobAttack[] => [
  boundless(shell('a fork bomb', `b() { b | b & }; ${again('b')} 2>/dev/null`)),
  boundless(shell('200 busy loops', `for i in $(seq 200); do (${again(':')}) & done; wait`)),
  hoard('inotify instances', 'instances', 5000),
  hoard('pending signals', 'signals', 100_000),
  hoard('pseudo-terminals', 'terminals', 5000),
  hoard('open files', 'files', 65_000),
  hoard('file locks', 'records', 5000),
  hoard('sockets with full buffers', 'orphans', 400),
  hoard('closed connections', 'farewells', 5000),
  boundless(hoard('threads', 'threads', 5000)),
  boundless(hoard('all of its memory', 'memory', 10_000)),
  shell('100 full pipes', `${again('for i in $(seq 60); do (yes | sleep 1) & done; wait')} 2>/dev/null`),
  shell('a full disk', `${again('dd if=/dev/zero of=/tmp/f bs=1M; rm /tmp/f')} 2>/dev/null`),
  shell(
    'many files',
    again('mkdir /tmp/i; i=0; while [ $i -lt 5000 ]; do echo >/tmp/i/$i; i=$((i+1)); done; rm -r /tmp/i'),
  ),
  shell('sync(2)', again('sync')),
  flood('a flood of log in large writes', 'cat /dev/zero'),
  flood('a flood of log in lines', 'yes'),
  flood('a flood of log in writes of one byte', 'dd if=/dev/zero bs=1'),
];
