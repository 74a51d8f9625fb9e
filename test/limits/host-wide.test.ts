/** Jobs that take all they can get of what the whole machine shares: only where nobody else needs the machine. */

import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOARD } from '../escape/support/cells.ts';
import { program } from '../support/programs.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
/** As text, which is what `stdin` takes. */
let hoard: string;

beforeAll(async () => {
  hoard = readFileSync(program(HOARD)).toString('base64');
  server = await TestServer.start();
});
afterAll(() => server.dispose());

/** A job that takes up to `most` of a thing, prints how many it got, and with `keep` keeps them. */
const take = (thing: string, most: number, keep = false): Promise<string> =>
  server.submit({
    command: `base64 -d >/tmp/hoard && chmod +x /tmp/hoard && exec /tmp/hoard ${thing} ${most}${keep ? ' keep' : ''}`,
    stdin: hoard,
  });

/** What it has said by now. */
const said = (id: string): Promise<string> => server.output(id, false).then(({ stdout }) => stdout.trim());

/** Has a job take all it can get, and calls `look` while it has it. */
const whileOneHasAll = async (
  thing: string,
  most: number,
  look: (got: string, id: string) => Promise<void>,
): Promise<void> => {
  const id = await take(thing, most, true);
  await expect.poll(() => said(id)).toMatch(/\d$/);
  await look(await said(id), id);
  await server.stop(id, 0);
};

describe('a job that takes all it can get', () => {
  it('of inotify leaves what others may have to the machine and to other jobs', async () => {
    await whileOneHasAll('instances', 5000, async (got) => {
      expect(got).toMatch(/^EMFILE \d{1,3}$/);
      watch(tmpdir()).close();
      const other = await server.ended(await take('instances', 50));
      expect((await server.output(other.id)).stdout).toBe('all 50\n');
    });
  });

  it('of terminals leaves some to the machine and to other jobs', async () => {
    await whileOneHasAll('terminals', 5000, async (got) => {
      expect(got).toBe('ENOSPC 64');
      const other = await server.ended(await take('terminals', 50));
      expect((await server.output(other.id)).stdout).toBe('all 50\n');
    });
  });

  it('of signals leaves another job its share', async () => {
    await whileOneHasAll('signals', 100_000, async (got) => {
      expect(got).toMatch(/^EAGAIN 4\d{3}$/);
      const other = await server.ended(await take('signals', 4000));
      expect((await server.output(other.id)).stdout).toBe('all 4000\n');
    });
  });

  // The latter two are connections that one end has left, with a lot and a little that the other has not read.
  it.each([
    ['records', 5000, 100],
    ['orphans', 100, 500 * 1024],
    ['farewells', 5000, 1024],
  ])('of %s is charged for them', async (thing, most, least) => {
    await whileOneHasAll(thing, most, async (got, id) => {
      expect(got).toBe(`all ${most}`);
      const charged = Number(readFileSync(join(cgroupOfJob(server, id), 'memory.current'), 'utf8'));
      expect(charged).toBeGreaterThan(least * most);
    });
  });

  const sizes = '/sys/kernel/mm/hugepages';
  const counted = existsSync('/sys/fs/cgroup/cgroup.controllers')
    ? readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').includes('hugetlb')
    : false;
  it.skipIf(!counted)('of huge pages gets none (where the kernel has the controller hugetlb)', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    const limits = readdirSync(cgroupOfJob(server, id)).filter((file) => /^hugetlb\.[^.]+\.max$/.test(file));
    expect(limits).toHaveLength(readdirSync(sizes).length);
    for (const file of limits)
      expect(readFileSync(join(cgroupOfJob(server, id), file), 'utf8'), file).toBe('0\n');
    await server.stop(id, 0);
  });
});
