/** Cells that are made before their jobs are known: as safe as others, used once, and gone with the server. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  cgroupOf,
  cgroupOfJob,
  killSpawners,
  preparedCells,
  snapshotAtRest,
  snapshotResources,
  spawnerOf,
} from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const MOST = 2;

let server: TestServer;
let cgroup: string;

beforeAll(async () => {
  server = await TestServer.start('--prepared-cells', String(MOST));
  cgroup = await cgroupOf(server);
});

afterAll(() => server.dispose());

/** Whether a job runs, or ran, in a cell that was prepared. */
const wasPrepared = (id: string): boolean => /\/prepared-[^/]*$/.test(cgroupOfJob(server, id));

/** Waits until all cells are prepared, of the kind that the next job takes. */
const fill = async (input: Record<string, unknown> = { command: 'true' }): Promise<void> => {
  while ((await preparedCells(server)) < MOST) {
    // The first job of a kind is the model for the prepared cells.
    await server.run(input);
    await snapshotAtRest(server);
  }
};

const ISOLATION = `query ($id: ID!) { job(id: $id) { isolation {
  namespaces { kind inode shared } uidMap { inside count } gidMap { inside count } noNewPrivileges seccomp
  capabilities { effective permitted inheritable bounding ambient } cgroup { path } } } }`;

/** What a job can see of its cell. */
const LOOK = `hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; id; env | sort; pwd; umask; cut -d. -f1 /proc/uptime
  echo $$; cat /proc/self/cgroup /proc/self/uid_map /proc/self/gid_map; cut -d" " -f4- /proc/self/mountinfo
  grep -E "^(Cap|Seccomp|NoNewPrivs|NSpid|Groups)" /proc/self/status; cat /proc/self/limits; ls -l /proc/self/fd | wc -l
  ls -lR /dev; ls /sys/fs/cgroup; cat /proc/sys/user/* /proc/sys/net/ipv4/ip_unprivileged_port_start; ip address
  cat /proc/self/oom_score_adj; mount | wc -l; find / -xdev -newer /bin/busybox -type f; df -k / | tail -n 1; ulimit -a`;

/** What it found, without what differs between any two cells. */
const look = async (input: Record<string, unknown>): Promise<{ prepared: boolean; seen: string }> => {
  const id = await server.submit({ command: LOOK, ...input });
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  const { stdout } = await server.output(id);
  const seen = stdout
    .replaceAll(id, 'ID')
    // Ids on the host, which are those of this cell.
    .replace(/\b18\d{8}\b/g, 'HOST')
    .replace(/\w{3} +\d+ \d\d:\d\d/g, 'TIME')
    .replace(/overlay (\d+ )?rw.*/g, 'overlay')
    .replace(/^(overlay +\d+) .*/gm, '$1');
  return { prepared: wasPrepared(id), seen };
};

it('show a job exactly what a cell of its own would', async () => {
  const kinds = [
    {},
    { hostname: 'some.name', env: [{ name: 'OF', value: 'the job' }], user: 'nobody', workdir: '/tmp' },
    { stdin: 'text', capabilities: 'NONE' },
  ];
  for (const kind of kinds) {
    await server.end();
    await server.boot();
    const cold = await look(kind);
    expect(cold.prepared).toBe(false);
    await fill();
    const prepared = await look(kind);
    expect(prepared.prepared).toBe(true);
    expect(prepared.seen).toBe(cold.seen);
  }
});

it('have the isolation of others, which each job reports of its own', async () => {
  await fill();
  const ids = [
    await server.submit({ command: 'sleep 1000' }),
    await server.submit({ command: 'sleep 1000' }),
  ];
  const found = [];
  for (const id of ids) {
    await server.running(id);
    expect(wasPrepared(id)).toBe(true);
    const { job } = await server.query<{ job: { isolation: Isolation } }>(ISOLATION, { id });
    found.push(job.isolation);
  }
  const [one, other] = found;
  expect(one?.namespaces.map(({ kind }) => kind)).toEqual([
    'user',
    'pid',
    'mnt',
    'uts',
    'ipc',
    'net',
    'cgroup',
    'time',
  ]);
  expect(one?.namespaces.every(({ shared }) => !shared)).toBe(true);
  const inodes = new Set(found.flatMap(({ namespaces }) => namespaces.map(({ inode }) => inode)));
  expect(inodes.size).toBe(16);
  expect({ ...one, namespaces: [], cgroup: null }).toEqual({ ...other, namespaces: [], cgroup: null });
  for (const id of ids) await server.stop(id, 0);
});

interface Isolation {
  readonly namespaces: readonly { readonly kind: string; readonly inode: string; readonly shared: boolean }[];
  readonly cgroup: unknown;
}

it('are used once', async () => {
  await fill();
  const seen = new Set<string>();
  for (let round = 0; round < 4; round++) {
    await fill();
    const { id } = await server.run({ command: 'test ! -e /tmp/left && touch /tmp/left' });
    expect(await server.job(id)).toMatchObject({ exitCode: 0 });
    seen.add(cgroupOfJob(server, id));
    expect(existsSync(cgroupOfJob(server, id))).toBe(false);
  }
  expect(seen.size).toBe(4);
});

it('are not used by jobs with other limits, and are replaced when only such jobs come', async () => {
  await fill();
  const input = { command: 'df -k / | tail -n 1', limits: { disk: '3Mi' } };
  const kinds: boolean[] = [];
  for (let round = 0; round < 3; round++) {
    const { id } = await server.run(input);
    expect((await server.output(id)).stdout).toMatch(/^overlay +3072 /);
    kinds.push(wasPrepared(id));
    await snapshotAtRest(server);
  }
  expect(kinds).toEqual([false, false, true]);
});

const inJobs = (): readonly string[] =>
  readdirSync(join(cgroup, 'jobs'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

const processesOf = (name: string): number[] =>
  readFileSync(join(cgroup, 'jobs', name, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(Number);

const parentOf = (pid: number): number =>
  Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

it('whose init or supervisor is killed are replaced, and no job notices', async () => {
  await fill();
  const before = await snapshotAtRest(server);
  const [one = '', other = ''] = inJobs();
  const [init = -1] = processesOf(one);
  const [second = -1] = processesOf(other);
  const supervisor = parentOf(second);
  process.kill(init, 'SIGKILL');
  process.kill(supervisor, 'SIGKILL');
  expect(await server.run({ command: 'true' })).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  await expect.poll(() => [one, other].filter((name) => inJobs().includes(name))).toEqual([]);
  await server.end();
  await server.boot();
  await fill();
  await expect.poll(() => snapshotResources(server)).toEqual(before);
});

it('are gone with their spawner', async () => {
  await fill();
  const names = inJobs();
  expect(names).toHaveLength(MOST);
  killSpawners(cgroup);
  expect(await server.run({ command: 'true' })).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  await expect.poll(() => names.filter((name) => inJobs().includes(name))).toEqual([]);
});

it.each(['SIGKILL', 'SIGTERM'] as const)('are gone with a server that ends by %s', async (signal) => {
  await fill();
  const supervisors = inJobs().flatMap(processesOf).map(parentOf);
  expect(supervisors).toHaveLength(MOST);
  const spawner = spawnerOf(cgroup);
  await server.end(signal);
  const left = (): unknown => [
    ...[spawner, ...supervisors].filter((pid) => existsSync(`/proc/${pid}`)),
    ...(existsSync(join(cgroup, 'jobs')) ? inJobs() : []),
  ];
  // A server that exits normally waits for them.
  if (signal === 'SIGKILL') await expect.poll(left).toEqual([]);
  else expect(left()).toEqual([]);
  await server.boot();
});
