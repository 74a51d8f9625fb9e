/** A server that is not root, with a cgroup that was delegated to it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeCgroups } from '../runtime/cgroup/fixture.ts';
import { type Delegated, delegate } from '../support/delegated.ts';
import { disposers } from '../support/disposers.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const onEnd = disposers();

const serverIn = ({ unprivileged }: Delegated, ...flags: string[]): TestServer => {
  const server = new TestServer(
    unprivileged.stateDir,
    ['--launcher', unprivileged.launcher, ...flags],
    (command) => unprivileged.command(command),
  );
  onEnd(() => server.end());
  return server;
};

const below = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

describeCgroups('a cgroup that was left to a user', () => {
  it('is where a server that was started in it puts its jobs, and is empty when it ends', async () => {
    const delegated = delegate();
    onEnd(() => delegated.dispose());
    const server = serverIn(delegated);
    await server.boot();
    expect(server.errors).not.toContain('no cgroup for jobs');
    const { server: info } = await server.query<{ server: { cgroup: { path: string } } }>(
      '{ server { cgroup { path } } }',
    );
    expect(info.cgroup.path.startsWith(`${delegated.path}/cloister-`)).toBe(true);

    const id = await server.submit({ command: '(setsid sleep 1000 &); echo up; exec sleep 1000' });
    for await (const _ of server.subscribe('subscription ($id: ID!) { logs(jobId: $id) { cursor } }', { id }))
      break;
    const procs = readFileSync(join(cgroupOfJob(server, id), 'cgroup.procs'), 'utf8');
    expect(procs.trim().split('\n').length).toBe(3);
    const stopped = await server.stop(id, 0);
    expect(stopped).toMatchObject({ status: 'STOPPED' });
    expect(stopped.usage?.['cpuTime']).toEqual(expect.any(Number));
    await server.end();
    // Where controllers are handed down the server cannot go back to a cgroup that has others below it.
    expect(below(delegated.path).filter((name) => name !== 'cloister-others')).toEqual([]);
  });

  it('does not help a server that was started elsewhere: it runs without, unless the cgroup was named', async () => {
    const delegated = delegate({ enter: false });
    onEnd(() => delegated.dispose());
    const server = serverIn(delegated);
    await server.boot();
    expect(server.errors).toContain('no cgroup for jobs');
    await server.end();

    const configured = serverIn(delegated, '--cgroup-root', delegated.path);
    await expect(configured.boot()).rejects.toThrow('the server may not be moved from');
    expect(configured.errors).toContain('start it inside the cgroup that is delegated to it');
    expect(below(delegated.path)).toEqual([]);
  });
});
