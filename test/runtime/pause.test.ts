/** Pausing and resuming a cell. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Argv, CellBench, type StartedCell } from '../support/cell.ts';

let bench: CellBench;

beforeAll(() => {
  bench = new CellBench();
});

afterAll(() => bench.close());

const COUNTING: Argv = ['/bin/sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done'];

const logSize = ({ folder }: StartedCell): number => statSync(join(folder, 'log')).size;
const isFrozen = ({ cgroup }: StartedCell): boolean =>
  readFileSync(join(cgroup, 'cgroup.events'), 'utf8').includes('frozen 1');

const pause = async (cell: StartedCell): Promise<void> => {
  await cell.control.pause();
  await cell.paused;
};

describe('a pause', () => {
  it('freezes everything in the cell until it is resumed', async () => {
    const cell = await bench.start(COUNTING);
    await expect.poll(() => logSize(cell)).toBeGreaterThan(0);
    await pause(cell);
    expect(isFrozen(cell)).toBe(true);
    // What was written before may still be on its way: with another connection the supervisor has read it.
    await bench.follow(cell.id).running;
    const size = logSize(cell);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(logSize(cell)).toBe(size);
    await cell.control.resume();
    await cell.resumed;
    await expect.poll(() => logSize(cell)).toBeGreaterThan(size);
    await cell.control.stop(0);
    expect((await cell.finished).record.cause).toBe('stop');
  });

  it('is reported to clients that connect later', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    await pause(cell);
    await bench.follow(cell.id).paused;
    await cell.control.stop(0);
    await cell.finished;
  });

  it('stops the clock of the deadline', async () => {
    const cell = await bench.start(['/bin/sleep', '1000'], { timeoutMs: 3000 });
    await cell.running;
    await pause(cell);
    await new Promise((resolve) => setTimeout(resolve, 3100));
    // Held back until it is resumed, and then ends the command at once, however slow the machine is.
    await cell.control.signal(15);
    await cell.control.resume();
    expect((await cell.finished).record).toMatchObject({
      cause: 'none',
      termination: { kind: 'signaled', signal: 'SIGTERM' },
    });
  });

  it('does not use up what is left of it', async () => {
    const cell = await bench.start(['/bin/sleep', '1000'], { timeoutMs: 1000 });
    await cell.running;
    await pause(cell);
    await cell.control.resume();
    expect((await cell.finished).record.cause).toBe('time');
  });

  it('ends with a stop, whose SIGTERM the command receives', async () => {
    const cell = await bench.start([
      '/bin/sh',
      '-c',
      'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done',
    ]);
    await expect.poll(() => logSize(cell)).toBeGreaterThan(0);
    await pause(cell);
    await cell.control.stop(60_000);
    expect((await cell.finished).record).toMatchObject({
      cause: 'stop',
      termination: { kind: 'exited', code: 9 },
    });
  });

  it('does not keep a stop without grace from killing', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    await pause(cell);
    await cell.control.stop(0);
    expect((await cell.finished).record.termination).toEqual({ kind: 'signaled', signal: 'SIGKILL' });
  });

  it('holds a signal back until the cell is resumed', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    await pause(cell);
    await cell.control.signal(15);
    expect(isFrozen(cell)).toBe(true);
    await cell.control.resume();
    expect((await cell.finished).record.termination).toEqual({ kind: 'signaled', signal: 'SIGTERM' });
  });

  it('can be asked for twice', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    await pause(cell);
    await pause(cell);
    await cell.control.resume();
    await cell.control.resume();
    await cell.resumed;
    expect(isFrozen(cell)).toBe(false);
    await cell.control.stop(0);
    await cell.finished;
  });
});

describe('a signal', () => {
  it('reaches the command', async () => {
    const cell = await bench.start([
      '/bin/sh',
      '-c',
      'trap "exit 7" USR1; echo up; while :; do sleep 0.05; done',
    ]);
    await expect.poll(() => logSize(cell)).toBeGreaterThan(0);
    await cell.control.signal(10);
    expect((await cell.finished).record).toMatchObject({
      cause: 'none',
      termination: { kind: 'exited', code: 7 },
    });
  });

  it('is refused when the supervisor is gone', async () => {
    const cell = await bench.start(['/bin/true']);
    await cell.finished;
    await expect(cell.control.signal(10)).rejects.toThrow('its supervisor is gone');
  });
});
