/** A kernel that refuses what a cell needs. */

import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const NAMESPACES = '/proc/sys/user/max_user_namespaces';
const before = readFileSync(NAMESPACES, 'utf8');
const ours = hostname() === 'cloister-vm';

afterEach(() => {
  if (ours) writeFileSync(NAMESPACES, before);
});

// It changes the whole machine, which only the test machine allows.
describe.runIf(ours)('a kernel that makes no further namespaces', () => {
  it('fails a job with the reason and the remedy, and the next one runs when it does again', async () => {
    writeFileSync(NAMESPACES, '0');
    const refused = await server.run({ command: 'true' });
    expect(refused).toMatchObject({ status: 'FAILED', exitCode: null });
    expect(refused.error).toContain('/proc/sys/user/max_*_namespaces');
    writeFileSync(NAMESPACES, before);
    expect(await server.run({ command: 'true' })).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  });
});
