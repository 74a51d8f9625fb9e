/** Nothing of the process that started the server reaches a job. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { UNLIMITED } from '../../src/runtime/protocol/plan.ts';
import { resourceLimits } from '../../src/runtime/rlimits.ts';
import { IMAGES, testImage } from '../support/image.ts';
import { inspectIn, inspectProgram } from '../support/inspect.ts';
import { cgroupOf } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

/*
 * What fork(2) and execve(2) hand on, after proc(5), setpriority(2), sched(7), prctl(2) and credentials(7): a job does not
 * depend on how its server was started.
 */

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.dispose();
});

/** A server started by a program that changes everything it can; see `careless` in inspect.c. */
const carelessServer = async (nice: number, fileSize: number): Promise<TestServer> => {
  await testImage();
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-server-'));
  mkdirSync(join(stateDir, 'exits'));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  const server = new TestServer(stateDir, [], (command) => careless(nice, fileSize, command));
  servers.push(server);
  await server.boot();
  return server;
};

const careless = (nice: number, fileSize: number, command: readonly string[]): readonly string[] => [
  inspectProgram(),
  'careless',
  String(nice),
  String(fileSize),
  ...command,
];

const parse = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const),
  );

const run = (command: readonly string[]): ReadonlyMap<string, string> => {
  const [program = '', ...parameters] = command;
  return parse(execFileSync(program, parameters, { encoding: 'utf8' }));
};

const ask = (): readonly string[] => [inspectProgram(), 'attributes'];

/** The kernel's defaults, and what every command gets. Limits are those of the plan. */
const DEFAULTS: Readonly<Record<string, string>> = {
  nice: '0',
  policy: '0',
  ioprio: '0',
  personality: '0',
  timerslack: '50000',
  securebits: '0',
  keepcaps: '0',
  no_new_privs: '1',
  dumpable: '1',
  thp_disable: '0',
  mce_kill: '2',
  subreaper: '0',
  death_signal: '0',
  coredump_filter: '00000033',
  oom_score_adj: '0',
  umask: '022',
};

/** Those that `careless` cannot change, or that do not outlive an exec. */
const FIXED = ['keepcaps', 'no_new_privs', 'dumpable', 'death_signal'];

const NAMES = [
  ...['CPU', 'FSIZE', 'DATA', 'STACK', 'CORE', 'RSS', 'NPROC', 'NOFILE'],
  ...['MEMLOCK', 'AS', 'LOCKS', 'SIGPENDING', 'MSGQUEUE', 'NICE', 'RTPRIO', 'RTTIME'],
];

/** Whether root of this machine may raise hard limits (CAP_SYS_RESOURCE); a container often takes that away. */
const mayRaise = (): boolean => {
  const [, effective = '0'] = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
};

/** The limits of the plan, as far as this machine permits them. */
const expectedLimits = (pids: unknown): readonly (readonly [string, string])[] =>
  resourceLimits(typeof pids === 'number' ? pids : null).flatMap(({ resource, soft, hard }) => {
    const name = `limit.${NAMES[resource]}`;
    const own = mayRaise() ? UNLIMITED : BigInt(run(ask()).get(`${name}.hard`) ?? 0);
    const most = BigInt(hard) < own ? BigInt(hard) : own;
    const least = BigInt(soft) < most ? BigInt(soft) : most;
    return [
      [`${name}.soft`, String(least)],
      [`${name}.hard`, String(most)],
    ] as const;
  });

describe.each([7, -5])('what a server that was started with nice %i has inherited', (nice) => {
  it('does not reach its jobs', async () => {
    const other = run(careless(nice, GIB, ask()));
    for (const [name, value] of Object.entries(DEFAULTS))
      if (!FIXED.includes(name)) expect([name, other.get(name)]).not.toEqual([name, value]);

    const server = await carelessServer(nice, GIB);
    const { job, stdout } = await inspectIn(server, '/tmp/inspect attributes');
    expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    const found = parse(stdout);
    expect(Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, found.get(name)]))).toEqual(
      DEFAULTS,
    );
    expect(found.get('cpus')).toBe(String(availableParallelism()));
    // Asked by a program that no shell has started: BusyBox's ignores SIGQUIT in some.
    const { id } = await server.run({ argv: ['/bin/grep', '-E', '^Sig(Blk|Ign)', '/proc/self/status'] });
    expect((await server.output(id)).stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
    for (const [name, value] of expectedLimits(job.limits['pids']))
      expect([name, found.get(name)]).toEqual([name, value]);
  });
});

it('lets cells see their cgroup whatever the umask of the server was', async () => {
  // Older kernels let a cell mount its cgroup only where it may search every folder above it.
  const server = await carelessServer(0, 64 * MIB);
  const root = await cgroupOf(server);
  for (const folder of [root, join(root, 'jobs')]) expect(statSync(folder).mode & 0o777).toBe(0o755);
});

describe('a limit on the size of files that a server has inherited', () => {
  it('does not end its supervisors', async () => {
    const server = await carelessServer(0, 8 * MIB);
    const job = await server.run({
      command: 'head -c 12582912 /dev/zero; head -c 12582912 /dev/zero >/tmp/x',
    });
    expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 0, output: { kept: 12_582_912, dropped: 0 } });
  });
});
