/**
 * What attacks do to others: `node test/bench/attacks/run.ts [--seconds N] [--only TEXT] [--real-time] [--write FOLDER]`.
 * Each attack meets a server of its own, as `cloister serve` starts it, while another process asks for its health. Fails
 * where the 99th percentile of how long that takes is not below the bound, or an answer does not come. The process that asks
 * has real-time priority; so has the server with --real-time, for a machine that others use, and what it starts has not.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PLACES } from '../bench.ts';
import { prefer } from '../priority.ts';
import { machine } from '../results.ts';
import { BenchServer } from '../server.ts';
import { clientAttacks } from './clients.ts';
import { type JobAttack, jobAttacks } from './jobs.ts';
import type { Found } from './probe.ts';

/** What others may notice. */
const MOST_MS = 250;
/** Jobs of an attack at once. */
const JOBS = 4;
const PROBE = join(import.meta.dirname, 'probe.ts');
const ATTACKER = join(import.meta.dirname, 'attacker.ts');

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    'real-time': { type: 'boolean', default: false },
    write: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
if (!Number.isInteger(seconds) || seconds < 1)
  throw new RangeError(`--seconds: a number from 1 on, got ${values.seconds}`);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The 99th percentile by nearest rank, in milliseconds. */
const p99Ms = ({ takenMs }: Found): number =>
  takenMs.toSorted((a, b) => a - b)[Math.ceil(takenMs.length * 0.99) - 1] ?? Number.NaN;

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};

/** Begins an attack. @returns a function that says how much was done, and one that ends it */
interface Running {
  readonly done: () => number | undefined;
  readonly end: () => Promise<void>;
}

const startJobs = async (server: BenchServer, { input }: JobAttack): Promise<Running> => {
  const ids = await Promise.all(Array.from({ length: JOBS }, () => server.submit(input)));
  for (let running = 0; running < JOBS; ) {
    const found = await server.query<{ server: { jobs: { running: number } } }>(
      '{ server { jobs { running } } }',
    );
    running = found.server.jobs.running;
  }
  const stop = 'mutation ($id: ID!) { stopJob(input: { jobId: $id, gracePeriod: 0 }) { job { id } } }';
  return {
    done: () => undefined,
    end: async () => {
      await Promise.all(ids.map((id) => server.query(stop, { id })));
    },
  };
};

const startClient = async (server: BenchServer, name: string): Promise<Running> => {
  const child = fork(ATTACKER, [name, server.url, server.token]);
  let done = 0;
  child.on('message', (message) => {
    if (typeof message === 'number') done = message;
  });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the attacker ended with ${code}`);
    }),
  ]);
  return { done: () => done, end: () => ended(child) };
};

interface Attack {
  readonly needsLimits: boolean;
  readonly name: string;
  readonly by: 'jobs' | 'clients' | 'anonymous';
  readonly start: (server: BenchServer) => Promise<Running>;
}

const attacks: readonly Attack[] = [
  ...jobAttacks().map(
    (attack): Attack => ({
      name: attack.name,
      by: 'jobs',
      needsLimits: attack.needsLimits ?? false,
      start: (server) => startJobs(server, attack),
    }),
  ),
  ...clientAttacks.map(
    ({ name, hasToken }): Attack => ({
      name,
      needsLimits: false,
      by: hasToken ? 'clients' : 'anonymous',
      start: (server) => startClient(server, name),
    }),
  ),
];

interface Result {
  readonly name: string;
  readonly by: Attack['by'];
  readonly idleMs: number;
  /** The 99th percentile of how long the server's event loop was not free, in milliseconds. */
  readonly loopMs: number;
  readonly attacked: Found;
  readonly perSecond: number | undefined;
}

const measure = async ({ name, by, start }: Attack): Promise<Result> => {
  const server = await BenchServer.start(PLACES.disk, [], false);
  if (values['real-time']) prefer(server.pid);
  const probe = fork(PROBE, [server.url]);
  const look = async (): Promise<Found> => {
    probe.send('look');
    const [found] = (await once(probe, 'message')) as [Found];
    return found;
  };
  try {
    prefer(probe.pid ?? -1);
    await pause(1000);
    await look();
    await pause(seconds * 300);
    const idle = await look();
    const running = await start(server);
    try {
      await look();
      const loop = server.watchLoop();
      await pause(seconds * 1000);
      const attacked = await look();
      const loopMs = await loop();
      const done = running.done();
      const perSecond = done === undefined ? undefined : done / seconds;
      return { name, by, idleMs: p99Ms(idle), loopMs, attacked, perSecond };
    } finally {
      await running.end();
    }
  } finally {
    await ended(probe);
    await server.close();
  }
};

const isTolerable = ({ attacked }: Result): boolean =>
  p99Ms(attacked) < MOST_MS && attacked.failures.length === 0;

const digits = (value: number): string => value.toFixed(value < 10 ? 1 : 0);

const row = (result: Result): string => {
  const { name, by, idleMs, loopMs, attacked, perSecond } = result;
  const most = Math.max(...attacked.takenMs);
  const cells = [
    name,
    by,
    perSecond === undefined ? '' : digits(perSecond),
    idleMs,
    p99Ms(attacked),
    most,
    loopMs,
  ];
  return `| ${cells.map((cell) => (typeof cell === 'number' ? digits(cell) : cell)).join(' | ')} |`;
};

const markdown = (results: readonly Result[], skipped: readonly string[]): string =>
  [
    '# Attacks',
    '',
    `How long \`GET /health\` takes during each attack, in milliseconds: asked for 20 times a second for ${seconds} s, each`,
    'time over a connection of its own. Each attack meets a server of its own with the defaults of `cloister serve` and its',
    `state on a disk. An attack by jobs is ${JOBS} of them; one by clients is a process with a token, an anonymous one has none.`,
    `\`make attacks\` has written this, and fails where the 99th percentile is not below ${MOST_MS} ms.`,
    '',
    ...machine(PLACES.disk),
    ...(values['real-time']
      ? ['- the server has real-time priority, as others used the machine meanwhile']
      : []),
    ...(skipped.length === 0
      ? []
      : [
          `- not run, since only cgroup v2 controllers bound them and this machine has none: ${skipped.join('; ')}`,
        ]),
    '',
    '| attack | by | done per second | idle, p99 | attacked, p99 | most | event loop, p99 |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...results.map(row),
    '',
  ].join('\n');

/** Whether jobs have limits of memory, processes and CPUs here. */
const hasLimits = async (): Promise<boolean> => {
  const server = await BenchServer.start(PLACES.disk, [], false);
  try {
    const query = '{ jobs(first: 1) { nodes { limits { memory pids cpus } } } }';
    const { jobs } = await server.query<{ jobs: { nodes: { limits: Record<string, number | null> }[] } }>(
      query,
    );
    return jobs.nodes.every(({ limits }) => Object.values(limits).every((limit) => limit !== null));
  } finally {
    await server.close();
  }
};

const limited = await hasLimits();
const results: Result[] = [];
const skipped: string[] = [];
for (const attack of attacks.filter(({ name, by }) => by === values.only || name.includes(values.only))) {
  if (attack.needsLimits && !limited) {
    skipped.push(attack.name);
    console.log(`not run: ${attack.name}, since this machine has no cgroup v2 controllers to bound it`);
    continue;
  }
  const result = await measure(attack);
  results.push(result);
  console.log(`${isTolerable(result) ? 'ok    ' : 'FAILED'} ${row(result)}`);
  for (const failure of new Set(result.attacked.failures)) console.log(`       no answer: ${failure}`);
}
if (values.write !== undefined) writeFileSync(join(values.write, 'ATTACKS.md'), markdown(results, skipped));
process.exit(results.every(isTolerable) ? 0 : 1);
