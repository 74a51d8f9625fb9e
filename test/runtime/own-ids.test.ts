/** Cells whose jobs have their own ranges of host ids. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LaunchPlan } from '../../src/runtime/protocol/plan.ts';
import { CellBench, type StartedCell } from '../support/cell.ts';
import { ID_BASE, testImage } from '../support/image.ts';

let bench: CellBench;

beforeAll(() => {
  bench = new CellBench();
});

afterAll(() => bench.close());

/** Ids of a range of its own, before which the image's files are mapped. */
const own = async (slot: number): Promise<Partial<LaunchPlan>> => {
  const map = [{ inside: 0, outside: ID_BASE + slot * 65_536, count: 65_536 }];
  return {
    uids: map,
    gids: map,
    root: {
      image: await testImage(),
      owners: { uid: ID_BASE, gid: ID_BASE },
      layerOptions: 'mode=755,size=67108864',
      lowers: [],
      overlayOptions: '',
    },
  };
};

/** The process of a cell's command: not its init. */
const commandOf = ({ cgroup }: StartedCell): string =>
  readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').at(-1) ?? '';

describe('a cell with a range of ids of its own', () => {
  it('sees the files of the image as its own', async () => {
    const { stdout } = await bench.sh('stat -c %u:%g / /bin/busybox /etc /tmp; id -u', await own(7));
    expect(stdout).toBe('0:0\n0:0\n0:0\n0:0\n0\n');
  });

  it('changes them in its layer, as root and as another user', async () => {
    const { stdout, stderr } = await bench.sh(
      'echo x >/etc/hostname2; echo y >>/etc/passwd; tail -n 1 /etc/passwd; stat -c %u /etc/hostname2 /etc/passwd; rm -r /opt; mkdir /opt; ls -d /opt',
      await own(7),
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('y\n0\n0\n/opt\n');
    const user = { uid: 1000, gid: 1000, groups: [] };
    const other = await bench.sh('touch /etc/x; touch /tmp/y && stat -c %u:%g /tmp/y', {
      ...(await own(7)),
      user,
    });
    expect(other.stderr).toContain('Permission denied');
    expect(other.stdout).toBe('1000:1000\n');
  });

  it('leaves the image as it was', async () => {
    const before = readFileSync(join(await testImage(), 'etc', 'passwd'), 'utf8');
    await bench.sh('echo z >/etc/passwd', await own(7));
    expect(readFileSync(join(await testImage(), 'etc', 'passwd'), 'utf8')).toBe(before);
  });

  it('is another user on the host than the next', async () => {
    const cells = await Promise.all(
      [7, 8].map(async (slot) => bench.start(['/bin/sleep', '1000'], await own(slot))),
    );
    await Promise.all(cells.map(({ running }) => running));
    const uids = cells.map((cell) => {
      const status = readFileSync(`/proc/${commandOf(cell)}/status`, 'utf8');
      return Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
    });
    expect(uids).toEqual([ID_BASE + 7 * 65_536, ID_BASE + 8 * 65_536]);
    for (const cell of cells) await cell.control.stop(0);
    await Promise.all(cells.map(({ finished }) => finished));
  });

  it('reports when the kernel cannot map the files of an image', async () => {
    const plan = await own(7);
    const { record } = await bench.sh('true', {
      ...plan,
      // procfs has ids of its own.
      root: {
        image: '/proc',
        lowers: [],
        owners: { uid: 0, gid: 0 },
        layerOptions: 'size=1m',
        overlayOptions: '',
      },
    });
    expect(record.failure).toMatchObject({ step: 'owners', subject: '/proc' });
  });
});
