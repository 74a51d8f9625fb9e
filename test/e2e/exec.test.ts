/** Other commands in the cell of a job. */

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesOf } from '../support/processes.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { RestartableServer } from '../support/restartable-server.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

/**
 * Has orphans become children of the server, which reaps none: as PID 1 of a container may, where no end of a job may
 * depend on it (PR_SET_CHILD_SUBREAPER(2const)).
 */
const UNREAPED = `import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1)
os.execvp(sys.argv[1], sys.argv[1:])`;

beforeAll(async () => {
  server = await TestServer.startBy((command) => ['python3', '-c', UNREAPED, ...command]);
});

afterAll(() => server.dispose());

const EXEC = 'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id parent { id } } } }';

const start = async (input: Record<string, unknown> = {}): Promise<string> => {
  const id = await server.submit({ command: 'echo main > /tmp/who; exec sleep 1000', ...input });
  await server.running(id);
  await expect.poll(() => server.job(id).then(({ status }) => status)).toBe('RUNNING');
  return id;
};

const exec = async (jobId: string, input: Record<string, unknown>): Promise<string> => {
  const { execInJob } = await server.query<{ execInJob: { job: { id: string; parent: { id: string } } } }>(
    EXEC,
    {
      input: { jobId, ...input },
    },
  );
  expect(execInJob.job.parent.id).toBe(jobId);
  return execInJob.job.id;
};

const run = async (jobId: string, input: Record<string, unknown>) => {
  const id = await exec(jobId, input);
  const job = await server.ended(id);
  return { ...job, ...(await server.output(id)) };
};

const refused = async (
  jobId: string,
  input: Record<string, unknown> = { command: 'true' },
): Promise<string> => {
  const { errors } = await server.ask(EXEC, { input: { jobId, ...input } });
  return `${errors?.[0]?.extensions?.['code']}: ${errors?.[0]?.message}`;
};

/** The confinement of a process of a cell, in a form in which two commands can be compared. */
const CONFINEMENT =
  'for n in user pid mnt uts ipc net cgroup time; do readlink /proc/self/ns/$n; done; ' +
  'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status; cat /proc/self/uid_map /proc/self/limits; ' +
  'umask; hostname; cat /proc/self/oom_score_adj; ls /proc/self/fd | wc -l; wc -l < /proc/self/mounts';

describe('execInJob', () => {
  it('runs in every namespace of the cell, confined as the job is', async () => {
    for (const more of [{}, { user: 'nobody' }, { capabilities: 'ROOT_IN_CELL' }]) {
      const id = await start({ command: `${CONFINEMENT}; exec sleep 1000`, ...more });
      const { stdout, exitCode } = await run(id, { command: CONFINEMENT });
      expect(exitCode).toBe(0);
      expect(stdout).toBe((await server.output(id, false)).stdout);
      // Its own process, and that of the job, of which it is no child.
      const processes = await run(id, { command: 'ps -o pid,ppid,comm; cat /proc/self/cgroup; pwd; cat' });
      expect(processes.stdout).toMatch(/\n +\d+ +0 sh\n/);
      expect(processes.stdout).toMatch(/\n +2 +1 sleep\n/);
      const isolation = (job: string) =>
        server.query<{
          job: { isolation: { namespaces: unknown; seccomp: unknown; capabilities: unknown } };
        }>(
          `{ job(id: "${job}") { isolation { namespaces { kind inode shared } seccomp noNewPrivileges
            capabilities { effective permitted bounding } uid gid uidMap { inside outside count } } } }`,
        );
      const execs = await server.query<{ job: { execs: { id: string }[] } }>(
        `{ job(id: "${id}") { execs { id } } }`,
      );
      expect(execs.job.execs).toHaveLength(2);
      expect(await isolation(execs.job.execs[1]?.id ?? '')).toEqual(await isolation(id));
      await server.stop(id, 0);
    }
  });

  it('sees the files and the processes of the job, has its own result, and takes input and a terminal', async () => {
    const id = await start();
    expect(await run(id, { command: 'cat /tmp/who; exit 3' })).toMatchObject({
      status: 'COMPLETED',
      exitCode: 3,
      stdout: 'main\n',
    });
    expect(await run(id, { argv: ['cat'], stdin: 'fed' })).toMatchObject({ stdout: 'fed' });
    const other = {
      command: 'mkdir -p /tmp/new; pwd; id -un; echo $A $(cat)',
      workdir: '/tmp',
      user: 'nobody',
    };
    expect(await run(id, { ...other, env: [{ name: 'A', value: 'b' }] })).toMatchObject({
      stdout: '/tmp\nnobody\nb\n',
    });
    expect(await run(id, { command: 'pwd', workdir: '/tmp/new' })).toMatchObject({ stdout: '/tmp/new\n' });
    expect(await run(id, { argv: ['nosuch'] })).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('no such file or directory: nosuch'),
    });
    const terminal = await exec(id, {
      command: 'tty; stty size; echo hi > /dev/tty',
      terminal: { rows: 5, columns: 40 },
    });
    await server.ended(terminal);
    const { job } = await server.query<{ job: { logs: { entries: { text: string }[] } } }>(
      `{ job(id: "${terminal}") { logs { entries { text } } } }`,
    );
    expect(job.logs.entries.map(({ text }) => text).join('')).toBe('/dev/pts/0\r\n5 40\r\nhi\r\n');
    // Stopping it does not touch the job.
    const long = await exec(id, { command: 'sleep 1000 & exec sleep 1000' });
    await server.running(long);
    expect(await server.stop(long, '5s')).toMatchObject({ status: 'STOPPED', signal: 'SIGTERM' });
    expect(await server.job(id)).toMatchObject({ status: 'RUNNING' });
    const left = await run(id, { command: 'ps -o comm | grep -c sleep' });
    expect(left.stdout).toBe('1\n');
    await server.stop(id, 0);
  });

  it('ends with the job, and leaves nothing', async () => {
    const id = await start();
    const cgroup = cgroupOfJob(server, id);
    const execs = await Promise.all(
      [1, 2, 3].map(() => exec(id, { command: 'sleep 1000 & exec sleep 1000' })),
    );
    for (const each of execs) await server.running(each);
    await server.stop(id, 0);
    for (const each of execs) expect(await server.ended(each)).toMatchObject({ signal: 'SIGKILL' });
    expect(await refused(id)).toMatch(/^JOB_NOT_RUNNING: input.jobId: .*STOPPED$/);
    await expect.poll(() => existsSync(cgroup)).toBe(false);
    expect(server.errors).not.toContain('could not be removed');
  });

  it('continues when the server is killed, and is lost with its supervisor, but not the job', async () => {
    const id = await start();
    const waiting = await exec(id, { command: 'while [ ! -e /tmp/go ]; do sleep 0.1; done; echo done' });
    const lost = await exec(id, { argv: ['sleep', '4321'] });
    await server.running(waiting);
    await server.running(lost);
    const restartable = new RestartableServer(server);
    restartable.restart('SIGKILL');
    await restartable.isUp();
    expect(await run(id, { command: 'touch /tmp/go' })).toMatchObject({ exitCode: 0 });
    await server.ended(waiting);
    expect((await server.output(waiting)).stdout).toBe('done\n');
    expect(restartable.orphan(lost)).toBe(true);
    expect(await server.ended(lost)).toMatchObject({ status: 'LOST' });
    await expect.poll(() => processesOf('sleep', '4321')).toEqual([]);
    expect(await server.job(id)).toMatchObject({ status: 'RUNNING' });
    await server.stop(id, 0);
  });

  it('is refused, or ends with the job, if the job ends at that moment', async () => {
    for (let round = 0; round < 4; round++) {
      const id = await start({ command: 'read -r _', openStdin: true });
      const input = { jobId: id, argv: ['sleep', '4324'] };
      const end = () =>
        round % 2 === 0
          ? server.stop(id, 0)
          : server.query(
              `mutation { writeStdin(input: { jobId: "${id}", offset: 0, text: "\\n" }) { accepted } }`,
            );
      const [answers] = await Promise.all([
        Promise.all([1, 2, 3].map(() => server.ask(EXEC, { input }))),
        end(),
      ]);
      await server.ended(id);
      expect(await refused(id)).toMatch(/^JOB_NOT_RUNNING: /);
      for (const { data, errors } of answers) {
        if (errors !== undefined) {
          expect(errors[0]?.extensions?.['code']).toBe('JOB_NOT_RUNNING');
          continue;
        }
        const made = (data as { execInJob: { job: { id: string } } }).execInJob.job.id;
        const { status, signal, error } = await server.ended(made);
        if (status === 'COMPLETED') expect(signal).toBe('SIGKILL');
        // It was too late: the error says so, and nothing was executed.
        else
          expect({ status, error }).toEqual({
            status: 'FAILED',
            error: expect.stringMatching(/ended|join|killed before its command could start/),
          });
      }
    }
    expect(server.errors).not.toContain('could not be removed');
    expect(processesOf('sleep', '4324')).toEqual([]);
  });

  it('is refused with a reason', async () => {
    expect(await refused('nosuch')).toMatch(/^NOT_FOUND: /);
    const id = await start();
    expect(await refused(id, {})).toMatch(/^BAD_USER_INPUT: input: .*command and argv/);
    expect(await refused(id, { command: 'true', user: 'no one' })).toMatch(/^BAD_USER_INPUT: input.user: /);
    expect(await refused(id, { command: 'true', workdir: 'x' })).toMatch(/^BAD_USER_INPUT: input.workdir: /);
    expect(await refused(id, { command: 'x'.repeat(200_000) })).toMatch(/^BAD_USER_INPUT: input.command: /);
    const child = await exec(id, { command: 'sleep 1000' });
    await server.running(child);
    expect(await refused(child)).toMatch(/^BAD_USER_INPUT: input.jobId: .*cell of its own/);
    await server.pause(id);
    expect(await refused(id)).toMatch(/^UNAVAILABLE: the job is paused/);
    const { errors } = await server.ask(EXEC, { input: { jobId: id, command: 'true' } });
    expect(errors?.[0]?.extensions?.['field']).toBe('input.jobId');
    await server.resume(id);
    await server.stop(id, 0);
  });
});
