/** Jobs from submission to end. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf } from '../support/processes.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

describe('a job', () => {
  it('runs as it was asked to', async () => {
    const job = await server.run({
      command: 'pwd; id -un; id -Gn; hostname; echo $A; cat; echo $HOME $PATH $TERM >&2',
      workdir: '/tmp',
      user: 'nobody:users',
      hostname: 'my-cell',
      env: [{ name: 'A', value: 'a "b" $c' }],
      stdin: 'from stdin\n',
    });
    expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 0, signal: null, error: null });
    const { stdout, stderr } = await server.output(job.id);
    expect(stdout).toBe('/tmp\nnobody\nusers\nmy-cell\na "b" $c\nfrom stdin\n');
    expect(stderr).toBe('/ /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin xterm\n');
  });

  it('runs a command line that is too long for an argument', async () => {
    const lines = (bytes: number, last = 'touch "$0" 2>&1'): string =>
      `echo "$0"; cat; ${last}\n${'#'.repeat(bytes)}`.slice(0, bytes);
    const long = await server.run({ command: lines(131_072), user: 'nobody', stdin: 'fed\n' });
    expect(long).toMatchObject({ status: 'COMPLETED', exitCode: 1 });
    expect((await server.output(long.id)).stdout).toBe(
      '/dev/command/script\nfed\ntouch: /dev/command/script: Read-only file system\n',
    );
    const { id } = await server.run({ command: lines(2 ** 20, 'wc -c <"$0"') });
    expect((await server.output(id)).stdout).toBe(`/dev/command/script\n${2 ** 20}\n`);
    const short = await server.run({ command: lines(131_071, 'true') });
    expect((await server.output(short.id)).stdout).toBe('/bin/sh\n');
  });

  it('that fails is an outcome and not an error', async () => {
    expect(await server.run({ command: 'exit 42' })).toMatchObject({ status: 'COMPLETED', exitCode: 42 });
    expect(await server.run({ command: 'kill -9 $$' })).toMatchObject({
      status: 'COMPLETED',
      exitCode: null,
      signal: 'SIGKILL',
    });
  });

  it.each([
    [['nosuch'], 'no such file or directory: nosuch'],
    [['/tmp'], 'is a directory: /tmp'],
    [['/etc/passwd'], 'permission denied: /etc/passwd'],
  ])('that cannot be executed has FAILED, and says why: %j', async (argv, error) => {
    const job = await server.run({ argv });
    expect(job).toMatchObject({ status: 'FAILED', exitCode: null, startedAt: null, error });
    expect(await server.output(job.id)).toEqual({ stdout: '', stderr: '' });
  });

  it('has a filter of its system calls', async () => {
    const { id } = await server.run({ command: "grep '^Seccomp:' /proc/self/status; unshare -U true" });
    const { stdout, stderr } = await server.output(id);
    expect(stdout).toBe('Seccomp:\t2\n');
    expect(stderr).toContain('Operation not permitted');
  });

  it('cannot exceed its limits of time and output', async () => {
    const late = await server.run({ command: 'sleep 1000', limits: { timeout: '300ms' } });
    expect(late).toMatchObject({ status: 'LIMIT_EXCEEDED', limitExceeded: 'TIME' });
    expect(late.error).toContain('300 ms');
    const loud = await server.run({ command: 'yes', limits: { output: '10Ki' } });
    expect(loud).toMatchObject({ status: 'LIMIT_EXCEEDED', limitExceeded: 'OUTPUT' });
    expect((await server.output(loud.id)).stdout).toHaveLength(10 * 1024);
    const document = 'query ($id: ID!) { job(id: $id) { logs(first: "1Mi") { droppedBytes endOfLog } } }';
    const { job } = await server.query<{ job: { logs: { droppedBytes: number; endOfLog: boolean } } }>(
      document,
      {
        id: loud.id,
      },
    );
    expect(job.logs.endOfLog).toBe(true);
    expect(job.logs.droppedBytes).toBeGreaterThan(0);
  });

  it('counts its usage', async () => {
    const { usage } = await server.run({ command: 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done' });
    expect(usage?.['cpuTime']).toBeGreaterThan(0);
  });

  it('that is stopped ends by SIGTERM, and a second stop has no effect', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');
    expect(await server.stop(id)).toMatchObject({ status: 'STOPPED', signal: 'SIGTERM', exitCode: null });
    expect(await server.stop(id)).toMatchObject({ status: 'STOPPED' });
    const { id: ended } = await server.run({ command: 'true' });
    expect(await server.stop(ended)).toMatchObject({ status: 'COMPLETED' });
  });

  it('that is stopped lets what its shell runs clean up', async () => {
    const id = await server.submit({
      command: `sh -c 'trap "sleep 0.1; echo cleaned up; exit" TERM; echo up; while :; do sleep 0.05; done'; echo after`,
    });
    await expect.poll(async () => (await server.output(id, false)).stdout).toBe('up\n');
    expect(await server.stop(id)).toMatchObject({ status: 'STOPPED', signal: 'SIGTERM' });
    expect((await server.output(id)).stdout).toBe('up\ncleaned up\n');
  });

  it('chooses how it is stopped', async () => {
    const command =
      'trap "echo interrupted; exit 3" INT; trap "" TERM; echo up; while :; do sleep 0.05; done';
    const id = await server.submit({ command, stopSignal: 'int', stopScope: 'CELL' });
    const { job } = await server.query<{ job: unknown }>(
      'query ($id: ID!) { job(id: $id) { stopSignal stopScope } }',
      { id },
    );
    expect(job).toEqual({ stopSignal: 'SIGINT', stopScope: 'CELL' });
    await expect.poll(async () => (await server.output(id, false)).stdout).toBe('up\n');
    expect(await server.stop(id, '1h')).toMatchObject({ status: 'STOPPED', exitCode: 3 });
  });

  it('that is stopped while it waits never runs', async () => {
    const startAfter = new Date(Date.now() + 3_600_000);
    const id = await server.submit({ command: 'echo ran', startAfter });
    expect(await server.stop(id, 0)).toMatchObject({ status: 'STOPPED', startedAt: null, signal: null });
    const { job, server: counts } = await server.query<{
      job: { queue: unknown };
      server: { jobs: { queued: number } };
    }>('query ($id: ID!) { job(id: $id) { queue { reason } } server { jobs { queued } } }', { id });
    expect({ queue: job.queue, ...counts.jobs }).toEqual({ queue: null, queued: 0 });
    expect(existsSync(join(server.stateDir, 'jobs', id))).toBe(false);
  });

  it('that is stopped while it starts has run only if its start was reported', async () => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, () => server.submit({ argv: ['sleep', '4323'] })),
    );
    const stopped = await Promise.all(ids.map((id) => server.stop(id, 0)));
    for (const { id, status, startedAt, signal, exitCode } of stopped) {
      expect({ status, exitCode }).toEqual({ status: 'STOPPED', exitCode: null });
      expect(startedAt === null).toBe(signal === null);
      const { job } = await server.query<{ job: { isolation: unknown } }>(
        'query ($id: ID!) { job(id: $id) { isolation { uid } } }',
        { id },
      );
      if (startedAt === null) expect(job.isolation).toBeNull();
    }
    expect(processesOf('sleep', '4323')).toEqual([]);
  });

  it('can be stopped by two callers at once', async () => {
    const id = await server.submit({ command: 'trap "" TERM; while :; do sleep 0.05; done' });
    const [patient, impatient] = await Promise.all([server.stop(id, '1h'), server.stop(id, 0)]);
    expect(patient).toEqual(impatient);
    expect(patient.status).toBe('STOPPED');
  });
});

describe('the list of jobs', () => {
  it('leads from page to page, filtered by label, name and status', async () => {
    const labels = [{ key: 'suite', value: 'list' }];
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) ids.push((await server.run({ command: 'true', name, labels })).id);
    const document = `query ($first: Int, $after: String, $filter: JobFilter, $orderBy: JobOrder) {
      jobs(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
        totalCount nodes { id } pageInfo { hasNextPage endCursor }
      }
    }`;
    interface Jobs {
      readonly totalCount: number;
      readonly nodes: readonly { readonly id: string }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
    }
    const page = async (variables: Record<string, unknown>): Promise<Jobs> =>
      (await server.query<{ jobs: Jobs }>(document, variables)).jobs;
    const filter = { label: labels[0], status: ['COMPLETED'] };
    const first = await page({ first: 2, filter, orderBy: 'OLDEST_FIRST' });
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
    const second = await page({ first: 2, after: first.pageInfo.endCursor, filter, orderBy: 'OLDEST_FIRST' });
    expect(second.pageInfo.hasNextPage).toBe(false);
    expect([...first.nodes, ...second.nodes].map(({ id }) => id)).toEqual(ids);
    expect((await page({ filter })).nodes.map(({ id }) => id)).toEqual(ids.toReversed());
    expect((await page({ filter: { name: 'b' } })).nodes).toEqual([{ id: ids[1] }]);
  });

  it('has each job as a node', async () => {
    const { id } = await server.run({ command: 'true' });
    expect(await server.query('query ($id: ID!) { node(id: $id) { __typename id } }', { id })).toEqual({
      node: { __typename: 'Job', id },
    });
  });
});
