/** Ids of jobs that run at the same time. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ID_BASE } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** The first id of a job on the host, as it sees it itself. */
const firstId = (map: string): number => Number(map.trim().split(/\s+/)[1]);

const LASTING = 'cat /proc/self/uid_map; sleep 1000';

const startLasting = async (): Promise<{ id: string; first: number }> => {
  const id = await server.submit({ command: LASTING });
  const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
  for await (const data of server.subscribe(document, { id })) {
    const [entry] = (data as { logs: { entries: { text: string }[] } }).logs.entries;
    if (entry !== undefined) return { id, first: firstId(entry.text) };
  }
  throw new Error('a log without output');
};

describe('the ids of jobs', () => {
  it('are used by no other job while they run, also after the server was killed', async () => {
    const before = [await startLasting(), await startLasting()];
    await server.end('SIGKILL');
    await server.boot();
    const after = [await startLasting(), await startLasting()];
    const all = [...before, ...after];
    expect(new Set(all.map(({ first }) => first)).size).toBe(4);
    for (const { first } of all) {
      expect(first).toBeGreaterThan(ID_BASE);
      expect((first - ID_BASE) % 65_536).toBe(0);
    }
    for (const { id } of all) await server.stop(id, 0);
  });

  it('own the files of the image within the cell', async () => {
    const { id } = await server.run({ command: 'stat -c %u:%g / /bin /etc/passwd; touch /x; stat -c %u /x' });
    expect(await server.output(id)).toEqual({ stdout: '0:0\n0:0\n0:0\n0\n', stderr: '' });
  });
});
