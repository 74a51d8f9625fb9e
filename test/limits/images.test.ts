/** The cell that unpacks an image: the limits of its cgroup, and what is said when it reaches them. */

import { readdirSync, readFileSync, statfsSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TMPFS } from '../../src/state/tmpfs.ts';
import { makeParts, ociArchive, sha256, tar } from '../support/archives.ts';
import { cgroupOf } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const MIB = 1024 * 1024;
const LAYER = tar([{ path: 'large', content: Buffer.alloc(8 * MIB) }]);
const ARCHIVE = ociArchive(makeParts([LAYER], {}, gzipSync));

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('--max-image', '64Mi');
});

afterAll(() => server.dispose());

const upload = async (): Promise<Answer> => {
  const response = await fetch(new URL('images/large', server.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.token}` },
    body: new Uint8Array(ARCHIVE),
  });
  return (await response.json()) as Answer;
};

interface Answer {
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

/** Imports the archive, and calls `look` with the cgroup of the cell that unpacks it, which stands still meanwhile. */
const whileUnpacking = async (look: (cgroup: string) => void): Promise<Answer> => {
  const jobs = join(await cgroupOf(server), 'jobs');
  const watcher = watch(jobs);
  const frozen = new Promise<string>((resolve, reject) => {
    watcher.on('change', (_event, name) => {
      if (!name.toString().startsWith('unpack-')) return;
      watcher.close();
      const cgroup = join(jobs, name.toString());
      try {
        writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
      } catch (error) {
        reject(error);
      }
      resolve(cgroup);
    });
  });
  const uploaded = upload();
  const cgroup = await frozen;
  const events = () => readFileSync(join(cgroup, 'cgroup.events'), 'utf8');
  await expect.poll(events).toBe('populated 1\nfrozen 1\n');
  look(cgroup);
  writeFileSync(join(cgroup, 'cgroup.freeze'), '0');
  const answer = await uploaded;
  expect(readdirSync(jobs).filter((name) => name.startsWith('unpack-'))).toEqual([]);
  return answer;
};

describe('a cell that unpacks a layer', () => {
  it('that takes more memory than it may is ended, which is said, and nothing is left', async () => {
    const { errors } = await whileUnpacking((cgroup) => writeFileSync(join(cgroup, 'memory.max'), '0'));
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('a layer that takes at most 536870912 bytes of memory'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
    expect(readdirSync(join(server.stateDir, 'layers'))).toEqual([]);
  });

  it('has limits of memory, swap and processes', async () => {
    // Where the state folder is in memory, the files of the layer are too.
    const files = statfsSync(server.stateDir).type === TMPFS ? 64 * MIB : 0;
    const answer = await whileUnpacking((cgroup) => {
      const setting = (file: string): string => readFileSync(join(cgroup, file), 'utf8').trim();
      expect(['memory.max', 'memory.swap.max', 'memory.oom.group', 'pids.max'].map(setting)).toEqual([
        String(512 * MIB + files),
        '0',
        '1',
        '17',
      ]);
    });
    expect(answer).not.toHaveProperty('errors');
    expect(readdirSync(join(server.stateDir, 'layers'))).toContain(sha256(LAYER).slice(7));
  });
});
