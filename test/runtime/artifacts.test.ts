/** How the launcher takes artifacts: its bounds, and what the process may that takes them. */

import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { mountSteps } from '../../src/runtime/mounts.ts';
import type { ArtifactsPlan } from '../../src/runtime/protocol/plan.ts';
import { CellBench, type StartedCell } from '../support/cell.ts';
import { ID_BASE } from '../support/image.ts';

let bench: CellBench;

beforeAll(() => {
  bench = new CellBench();
});

afterAll(() => bench.close());

const asked = (paths: readonly string[], change: Partial<ArtifactsPlan> = {}) => ({
  artifacts: {
    each: paths.map((path) => ({ path, pattern: '' })),
    mostBytes: 2 ** 50,
    mostEntries: 100,
    timeMs: 60_000,
    spareBytes: 0,
    ...change,
  },
});

// Hashing its zeros takes days.
const ENDLESS = 'truncate -s 900000G /endless';

const idNumber = (text: string, name: string): string =>
  new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(text)?.[1] ?? '';

/** The process that takes the artifacts of a cell, once there is one: the child of its supervisor. */
const takerOf = ({ folder }: StartedCell): Promise<number> => {
  const [supervisor] = readFileSync(join(folder, 'started'), 'latin1').split(' ');
  return vi.waitUntil(
    () =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
        .find((pid) => {
          const status = statusOf(pid);
          return idNumber(status, 'PPid') === supervisor && idNumber(status, 'Name') === 'cell-artifacts';
        }),
    { timeout: 100_000, interval: 5 },
  );
};

const statusOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    // It has ended meanwhile.
    return '';
  }
};

describe('the artifacts of a cell', () => {
  it('have what the plan allows: entries, bytes, room on the disk', async () => {
    const command = 'mkdir /many && for i in $(seq 101); do : > /many/$i; done; echo small > /small';
    const taken = async (change: Partial<ArtifactsPlan>) =>
      (await bench.sh(command, asked(['/small', '/many', '/many'], change))).record.artifacts.map(
        ({ status }) => status,
      );
    expect(await taken({ mostEntries: 202 })).toEqual(['taken', 'taken', 'taken']);
    expect(await taken({ mostEntries: 201 })).toEqual(['taken', 'taken', 'entries']);
    expect(await taken({})).toEqual(['taken', 'entries', 'entries']);
    expect(await taken({ mostBytes: 6 })).toEqual(['taken', 'size', 'size']);
    expect(await taken({ mostBytes: 5 })).toEqual(['size', 'size', 'size']);
    expect(await taken({ spareBytes: 2 ** 60 })).toEqual(['disk', 'disk', 'disk']);
  });

  it('leave out what was mounted in the cell', async () => {
    const each = ['/in/given', '/in', '/dev/shm', '/link', '/root/proc'].map((path) => ({
      path,
      pattern: '',
    }));
    const { artifacts } = asked([], { each: [...each, { path: '/in', pattern: '*' }] });
    writeFileSync(join(bench.state, 'given'), 'given');
    chmodSync(join(bench.state, 'given'), 0o644);
    const cell = await bench.start(
      ['/bin/sh', '-c', 'cat /in/given; echo own > /in/own; ln -s /in /link; ln -s /proc /root/proc'],
      {
        artifacts,
        steps: [
          { kind: 'mkdir', path: '/in', mode: 0o755 },
          { kind: 'file', path: '/in/given', mode: 0o644, text: '' },
          { kind: 'bind', source: join(bench.state, 'given'), path: '/in/given', attributes: 0 },
          ...mountSteps({ shmBytes: 4096, ids: 65_536, hostname: 'cell', cgroup: true, devices: true }),
        ],
      },
    );
    const { record, stdout } = await cell.finished;
    expect(stdout).toBe('given');
    expect(record.artifacts.map(({ status, entries, skipped }) => [status, entries, skipped])).toEqual([
      ['kind', 0, 0],
      ['taken', 2, 1],
      ['kind', 0, 0],
      // By whatever path it is reached.
      ['taken', 2, 1],
      ['kind', 0, 0],
      ['taken', 1, 1],
    ]);
  });

  it('delay the end of a job no longer than the plan says; what was taken by then is kept', async () => {
    const cell = await bench.start(
      ['/bin/sh', '-c', `${ENDLESS}; echo small > /small; exit 7`],
      asked(['/small', '/endless', '/none'], { timeMs: 500 }),
    );
    const { record } = await cell.finished;
    expect(record.termination).toEqual({ kind: 'exited', code: 7 });
    expect(record.artifacts.map(({ status }) => status)).toEqual(['taken', 'time', 'time']);
    expect(readdirSync(join(cell.folder, 'artifacts'))).toEqual(['0']);
    expect(statSync(join(cell.folder, 'artifacts', '0')).size).toBe(6);
  });

  it('are taken by a process that may only read, while the supervisor answers', async () => {
    const cell = await bench.start(['/bin/sh', '-c', ENDLESS], asked(['/endless']));
    const pid = await takerOf(cell);
    // Also when the test fails: the cell would be waited for.
    onTestFinished(() => {
      if (statusOf(pid) !== '') process.kill(pid, 'SIGKILL');
    });
    await vi.waitUntil(() => idNumber(statusOf(pid), 'Seccomp') === '2', { timeout: 100_000, interval: 5 });
    const status = statusOf(pid);
    expect(idNumber(status, 'Uid')).toBe(Array(4).fill(ID_BASE).join('\t'));
    expect(idNumber(status, 'Gid')).toBe(Array(4).fill(ID_BASE).join('\t'));
    expect(idNumber(status, 'Groups').trim()).toBe('');
    // CAP_DAC_READ_SEARCH (capabilities(7)), which counts for the files of the cell alone.
    expect(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => idNumber(status, name))).toEqual([
      '0000000000000000',
      '0000000000000004',
      '0000000000000004',
      '0000000000000000',
      '0000000000000000',
    ]);
    expect(idNumber(status, 'NoNewPrivs')).toBe('1');
    expect(readlinkSync(`/proc/${pid}/ns/user`)).not.toBe(readlinkSync('/proc/self/ns/user'));
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(open.filter((path) => path.startsWith(bench.state))).toEqual([
      join(cell.folder, 'artifacts', '0'),
    ]);
    expect(open.filter((path) => /socket|epoll/.test(path))).toEqual([]);
    expect(existsSync(`/proc/${pid}/root/endless`)).toBe(true);

    expect(await cell.control.responds()).toBe(true);
    process.kill(pid, 'SIGKILL');
    const { record } = await cell.finished;
    expect(record.artifacts.map(({ status: word }) => word)).toEqual(['unreadable']);
    expect(existsSync(join(cell.folder, 'artifacts'))).toBe(false);
  });
});
