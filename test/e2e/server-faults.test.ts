/** A server that is killed at any of its system calls. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultPlan } from '../support/faults.ts';
import { cgroupOfJob, snapshotAtRest, snapshotResources } from '../support/resource-snapshot.ts';
import { type JobFields, TestServer } from '../support/server.ts';
import { type Call, type Fault, Strace } from '../support/strace.ts';

// The server is killed at each system call by which it changes or sends something from the submission of a job to its
// end. By default at a part of them, chosen by a seed; "make faults" takes every one.
const faults = new FaultPlan();

const CHANGES = new Set(
  `mkdir mkdirat openat write writev pwrite64 pwritev fdatasync fsync ftruncate unlink unlinkat rename renameat
   renameat2 sendto sendmsg connect close`.split(/\s+/),
);
// Runs until it is stopped: a second start would meet the cgroup of the first.
const COMMAND = "trap 'exit 7' USR1; echo once; while :; do sleep 0.02; done";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
  await finish(await server.submit({ command: COMMAND }));
  faults.learn(await live({ command: COMMAND }));
});

afterAll(() => server.dispose());

/** Waits until a job has written its word, has it end, and waits for that. */
const finish = async (id: string): Promise<JobFields> => {
  const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
  for await (const data of server.subscribe(document, { id }))
    if ((data as { logs: { entries: readonly unknown[] } }).logs.entries.length > 0) break;
  // The first output may be read before the server has stored that the job runs.
  if ((await server.running(id)).status === 'RUNNING') await server.signal(id, 'USR1');
  return server.ended(id);
};

/** Has a job submitted and followed by a server that is killed at the fault, or when the job has ended. */
const live = async (input: Record<string, unknown>, fault?: Fault): Promise<readonly Call[]> => {
  const strace = await Strace.toThreads(server.pid, fault);
  // It may die at any time.
  const finished = server.submit(input).then(finish);
  await finished.catch(() => undefined);
  await server.end('SIGKILL');
  const calls = await strace.end();
  await server.boot();
  return calls;
};

it(`killed at any call a server loses no job and starts none twice (CLOISTER_FAULTS_SEED=${faults.seed})`, async () => {
  // Has a spawner started, as the last round has.
  await finish(await server.submit({ command: COMMAND }));
  const before = await snapshotAtRest(server);
  const rounds = faults.choose((name) => (CHANGES.has(name) ? { signal: 'KILL' } : undefined));
  for (const [number, fault] of rounds.entries()) {
    const input = { command: COMMAND, idempotencyKey: `round ${number}` };
    await live(input, fault);
    const id = await server.submit(input);
    const what = JSON.stringify(fault);
    expect(await finish(id), what).toMatchObject({ status: 'COMPLETED', exitCode: 7 });
    expect(await server.output(id), what).toEqual({ stdout: 'once\n', stderr: '' });
    expect(readdirSync(join(server.stateDir, 'exits')), what).toEqual([]);
  }
  const { jobs } = await server.query<{ jobs: { totalCount: number } }>('{ jobs(first: 1) { totalCount } }');
  expect(jobs.totalCount).toBe(3 + rounds.length);
  // The last round may have ended before there was a spawner.
  await finish(await server.submit({ command: COMMAND }));
  await expect.poll(() => snapshotResources(server)).toEqual(before);
}, 1_800_000);

/** A command in the cell of another job, on a terminal, which ends when something was typed. */
const HOSTED = {
  command: 'stty -echo; echo once; read line; echo "$line"; exit 7',
  terminal: { rows: 24, columns: 80 },
};
const SHOWN = 'once\r\ntyped\r\n';
/** Calls that they share with other jobs are covered above. */
const PART = 20;

const screenOf = (bytes: readonly { readonly text: string }[]): string =>
  bytes.map(({ text }) => text).join('');

/**
 * Sends input to a command that has printed its word, changes its terminal size, and waits for its end. Can be
 * repeated.
 */
const operate = async (id: string): Promise<JobFields> => {
  const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
  let shown = '';
  for await (const data of server.subscribe(document, { id })) {
    shown += screenOf((data as { logs: { entries: { text: string }[] } }).logs.entries);
    if (shown.includes('once')) break;
  }
  // A repetition after the end is refused for that reason only.
  const input = { jobId: id, offset: 0, text: 'typed\n' };
  await server
    .query('mutation ($input: ResizeTerminalInput!) { resizeTerminal(input: $input) { job { id } } }', {
      input: { jobId: id, rows: 30, columns: 100 },
    })
    .catch(unlessEnded);
  await server
    .query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', { input })
    .catch(unlessEnded);
  return server.ended(id);
};

const unlessEnded = (error: unknown): void => {
  if (!/expected a running job|closed it/.test(String(error))) throw error;
};

it('killed at any call for a command in the cell of a job it has it once, with its input', async () => {
  const host = await server.submit({ argv: ['sleep', '1000'] });
  await server.running(host);
  const known = new Set<string>();
  const added = async (): Promise<readonly string[]> => {
    const { job } = await server.query<{ job: { execs: { id: string }[] } }>(
      'query ($host: ID!) { job(id: $host) { execs { id } } }',
      { host },
    );
    return job.execs.map(({ id }) => id).filter((id) => !known.has(id));
  };
  const round = async (fault?: Fault): Promise<readonly Call[]> => {
    const strace = await Strace.toThreads(server.pid, fault);
    let answered: string | undefined;
    const document = 'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }';
    const asked = server.query<{ execInJob: { job: { id: string } } }>(document, {
      input: { jobId: host, ...HOSTED },
    });
    const operated = asked.then(({ execInJob }) => {
      answered = execInJob.job.id;
      return operate(answered);
    });
    // It may die at any time.
    await operated.catch(() => undefined);
    await server.end('SIGKILL');
    const calls = await strace.end();
    await server.boot();
    const what = JSON.stringify(fault);
    const made = await added();
    expect(made.length, what).toBeLessThanOrEqual(1);
    if (answered !== undefined) expect(made, what).toEqual([answered]);
    for (const id of made) {
      known.add(id);
      expect(await operate(id), what).toMatchObject({ status: 'COMPLETED', exitCode: 7 });
      const { job } = await server.query<{ job: { logs: { entries: { text: string }[] } } }>(
        'query ($id: ID!) { job(id: $id) { logs { entries { text } } } }',
        { id },
      );
      expect(screenOf(job.logs.entries), what).toBe(SHOWN);
    }
    expect((await server.job(host)).status, what).toBe('RUNNING');
    return calls;
  };
  const plan = new FaultPlan();
  plan.learn(await round());
  for (const fault of plan.choose((name) => (CHANGES.has(name) ? { signal: 'KILL' } : undefined), PART))
    await round(fault);
  const left = readdirSync(cgroupOfJob(server, host), { withFileTypes: true });
  expect(left.filter((entry) => entry.isDirectory())).toEqual([]);
  await server.stop(host, 0);
  expect(readdirSync(join(server.stateDir, 'exits'))).toEqual([]);
}, 600_000);

it('whose disk fails ends, acknowledges nothing, and the next one has the job once', async () => {
  // The first sync of each thread that syncs.
  const strace = await Strace.toThreads(server.pid, { syscall: 'fdatasync', when: 1, error: 'EIO' });
  const input = { command: 'echo once', idempotencyKey: 'disk' };
  await expect(server.submit(input)).rejects.toThrow();
  expect(await server.exited()).toBe(1);
  await strace.end();
  expect(server.errors).toContain('cloister.db: EIO');
  await server.boot();
  const id = await server.submit(input);
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED' });
  expect(await server.output(id)).toEqual({ stdout: 'once\n', stderr: '' });
});
