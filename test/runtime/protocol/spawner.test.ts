/** The client of the spawner. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SpawnError, Spawner } from '../../../src/runtime/protocol/spawner.ts';
import { LAUNCHER } from '../../support/cell.ts';

let jobs: string;
let spawner: Spawner;

beforeEach(() => {
  jobs = mkdtempSync(join(tmpdir(), 'cloister-spawner-'));
  spawner = new Spawner({ launcher: LAUNCHER, jobs, cgroup: '' });
});

afterEach(async () => {
  await spawner.close();
  rmSync(jobs, { recursive: true });
});

/** A folder in which a supervisor marks the job as its own, and then waits forever before it answers. */
const trap = (id: string): void => {
  mkdirSync(join(jobs, id));
  execFileSync('mkfifo', [join(jobs, id, 'exit')]);
};

/** The pid of the supervisor that has marked a job as its own. */
const supervisorOf = async (id: string): Promise<number> => {
  const started = join(jobs, id, 'started');
  await expect.poll(() => existsSync(started) && readFileSync(started, 'utf8')).toMatch(/\n$/);
  return Number.parseInt(readFileSync(started, 'utf8'), 10);
};

const parentOf = (pid: number): number =>
  Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

it('reports a supervisor that was killed before it could answer', async () => {
  trap('one');
  const started = spawner.start('one').catch((error: unknown) => error);
  process.kill(await supervisorOf('one'), 'SIGKILL');
  expect(await started).toEqual(new SpawnError('its supervisor was killed by signal 9'));
  expect(await spawner.probe('one')).toBe(false);
});

it('asks the next spawner when one is killed, and leaves the supervisor that it made alone', async () => {
  trap('one');
  const started = spawner.start('one').catch((error: unknown) => error);
  const supervisor = await supervisorOf('one');
  process.kill(parentOf(supervisor), 'SIGKILL');
  expect(await started).toEqual(new SpawnError('Resource temporarily unavailable'));
  expect(await spawner.probe('one')).toBe(true);
  process.kill(supervisor, 'SIGKILL');
  await expect.poll(() => spawner.probe('one')).toBe(false);
});

it('finds no mark of a supervisor that could not begin', async () => {
  // Where the record is to be written.
  mkdirSync(join(jobs, 'one', 'exit'), { recursive: true });
  await expect(spawner.start('one')).rejects.toThrow('Is a directory');
  expect(existsSync(join(jobs, 'one', 'started'))).toBe(false);
});

it('gives up in the end', async () => {
  const broken = new Spawner({ launcher: '/bin/false', jobs, cgroup: '' });
  await expect(broken.start('one')).rejects.toThrow('the spawner ended (code 1)');
  await broken.close();
});
