/** The isolation that the API reports for a job. */

import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOCKS_START_S } from '../../src/runtime/clocks.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const FIELDS = `namespaces { kind inode shared } uid gid uidMap { inside outside count } gidMap { inside outside count }
  capabilities { inheritable permitted effective bounding ambient } noNewPrivileges seccomp
  cgroup { path files { name value } }`;

interface Isolation {
  readonly namespaces: readonly { readonly kind: string; readonly inode: number; readonly shared: boolean }[];
  readonly uid: number;
  readonly uidMap: readonly { readonly outside: number; readonly count: number }[];
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  readonly cgroup: { readonly path: string } | null;
}

const isolation = async (id: string): Promise<Isolation | null> =>
  (
    await server.query<{ job: { isolation: Isolation | null } }>(
      `query ($id: ID!) { job(id: $id) { isolation { ${FIELDS} } } }`,
      { id },
    )
  ).job.isolation;

const NONE = { inheritable: [], permitted: [], effective: [], bounding: [], ambient: [] };

describe('the isolation of a job', () => {
  it('is what the kernel reports of its command', async () => {
    const job = await server.run({ command: 'for n in /proc/self/ns/*; do readlink $n; done' });
    const found = await isolation(job.id);
    expect(found).toMatchObject({
      capabilities: NONE,
      noNewPrivileges: true,
      seccomp: 'FILTER',
      cgroup: { path: expect.stringMatching(new RegExp(`/jobs/${job.id}$`)) },
    });
    expect(found?.uid).toBe(found?.uidMap[0]?.outside);
    expect(found?.uidMap).toEqual([{ inside: 0, outside: expect.any(Number), count: 65_536 }]);
    // As the job sees them itself.
    const { stdout } = await server.output(job.id);
    for (const { kind, inode } of found?.namespaces ?? []) expect(stdout).toContain(`${kind}:[${inode}]`);
  });

  it('is in no namespace of the server', async () => {
    const { id } = await server.run({ command: 'true' });
    const { namespaces = [] } = (await isolation(id)) ?? {};
    const kinds = ['user', 'pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup', 'time'];
    expect(namespaces.map(({ kind }) => kind)).toEqual(kinds);
    for (const { kind, inode, shared } of namespaces) {
      expect(shared).toBe(false);
      expect(readlinkSync(`/proc/${server.pid}/ns/${kind}`)).not.toBe(`${kind}:[${inode}]`);
    }
  });

  it('is known for a command however short it is', async () => {
    const jobs = await Promise.all(Array.from({ length: 40 }, () => server.run({ argv: ['/bin/true'] })));
    for (const { id, exitCode } of jobs) {
      expect(exitCode).toBe(0);
      expect(await isolation(id)).toMatchObject({ capabilities: NONE, seccomp: 'FILTER' });
    }
  });

  it('shows the capabilities that a profile grants', async () => {
    const { id } = await server.run({ command: 'true', capabilities: 'ROOT_IN_CELL' });
    const names = [
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'FSETID',
      'KILL',
      'SETGID',
      'SETUID',
      'NET_BIND_SERVICE',
    ];
    expect((await isolation(id))?.capabilities).toMatchObject({ effective: names, bounding: names });
  });

  it('shows the ids of another user', async () => {
    const { id } = await server.run({ command: 'sleep 0.1', user: '1000:1000' });
    const found = await isolation(id);
    expect(found?.uid).toBe((found?.uidMap[0]?.outside ?? 0) + 1000);
  });

  it('is null for a job that never ran, and shown while one runs', async () => {
    const failed = await server.run({ argv: ['/nosuch'] });
    expect(await isolation(failed.id)).toBeNull();
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    expect((await isolation(id))?.uid).toBeGreaterThan(0);
    await server.stop(id, 0);
  });
});

describe('the clocks of a job', () => {
  it('start with it: it does not learn how long the machine has been up', async () => {
    const { id } = await server.run({
      command: 'cut -d . -f 1 /proc/uptime; cut -d " " -f 22 /proc/self/stat',
    });
    const [uptime, started] = (await server.output(id)).stdout.split('\n').map(Number);
    expect(uptime).toBeGreaterThanOrEqual(CLOCKS_START_S);
    expect(uptime).toBeLessThan(CLOCKS_START_S + 60);
    // In hundredths of a second.
    expect(started).toBeGreaterThanOrEqual(100 * CLOCKS_START_S);
    expect(started).toBeLessThan(100 * (CLOCKS_START_S + 60));
  });
});
