import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** What a server and its cells hold of the machine. */
const held = async (): Promise<Record<string, number>> => {
  const { server: info } = await server.query<{ server: { cgroup: { path: string } } }>(
    '{ server { cgroup { path } } }',
  );
  return {
    descriptors: descriptors(server.pid),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
    cgroups: readdirSync(join(info.cgroup.path, 'jobs'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    ).length,
    records: readdirSync(join(server.stateDir, 'exits')).length,
    supervisors: readFileSync(join(info.cgroup.path, 'supervisors', 'cgroup.procs'), 'utf8')
      .trim()
      .split('\n').length,
  };
};

/** Open files of a process, without its TCP connections: those are this test's own, kept for reuse. */
const descriptors = (pid: number): number => {
  const tcp = readFileSync(`/proc/${pid}/net/tcp`, 'utf8');
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${fd}`))?.[1];
    return inode === undefined || !tcp.includes(` ${inode} `);
  }).length;
};

/** Where a link leads; one that was closed meanwhile leads nowhere. */
const target = (link: string): string => {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};

it('nothing is left of jobs that ended, however they ended', async () => {
  // Brings what is made once, such as the spawner.
  await server.run({ command: 'true' });
  const before = await held();
  const inputs = [
    { command: 'echo out; echo err >&2' },
    { command: 'sleep 1000 & exit 3' },
    { command: 'setsid sleep 1000; true', limits: { timeout: '200ms' } },
    { argv: ['nosuch'] },
    { command: 'yes', limits: { output: '10K' } },
    { command: 'kill -9 $$' },
    { command: 'cat', stdin: 'x'.repeat(100_000) },
  ];
  const statuses: Record<string, number> = {};
  for (let round = 0; round < 6; round++) {
    const jobs = await Promise.all(inputs.map((input) => server.run(input)));
    for (const { status } of jobs) statuses[status] = (statuses[status] ?? 0) + 1;
    const stopped = await server.submit({ command: 'sleep 1000' });
    await server.stop(stopped, round % 2 === 0 ? 0 : 5000);
  }
  expect(statuses).toEqual({ COMPLETED: 24, LIMIT_EXCEEDED: 12, FAILED: 6 });
  await expect.poll(held, { timeout: 10_000 }).toEqual(before);
});
