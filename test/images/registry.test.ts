/** A registry that sends nothing. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ImageFault } from '../../src/images/fault.ts';
import { type FetchOptions, fetchImage } from '../../src/images/registry.ts';
import { makeParts, manifestOf, tar } from '../support/archives.ts';

const PARTS = makeParts([tar([{ path: 'x', content: 'y' }])]);

let folder: string;
let registry: Server;
let answer: (path: string, response: ServerResponse) => void;
let asked: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-stalled-'));
  asked = [];
  registry = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request.url ?? '', response);
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
});

afterEach(() => {
  registry.closeAllConnections();
  registry.close();
  rmSync(folder, { recursive: true });
});

const fetched = (signal = new AbortController().signal) => {
  const options: FetchOptions = {
    mirror: undefined,
    credentialsFile: undefined,
    folder,
    silenceMs: 100,
    signal,
    has: () => false,
    mostBytes: 1_000_000,
    progress: () => undefined,
  };
  const { port } = registry.address() as AddressInfo;
  return fetchImage(`127.0.0.1:${port}/team/app:1`, options);
};

it.each([
  ['not a byte', () => undefined],
  ['a header and nothing more', (response: ServerResponse) => response.writeHead(200).flushHeaders()],
] as const)('sends %s: the fault says so', async (_what, begin) => {
  answer = (_path, response) => begin(response);
  await expect(fetched()).rejects.toThrow(/the registry sent nothing for 0.1 s/);
  await expect(fetched()).rejects.toBeInstanceOf(ImageFault);
});

it('stalls within a layer, each time it is asked: it is asked four times', async () => {
  answer = (path, response) => {
    if (path.includes('/manifests/')) response.end(manifestOf(PARTS));
    else if (asked.filter((each) => each.includes('/blobs/')).length === 1) response.end(PARTS.config);
    else response.writeHead(200).write(PARTS.blobs[0]?.subarray(0, 10));
  };
  await expect(fetched()).rejects.toThrow(/the registry sent nothing for 0.1 s/);
  expect(asked.filter((each) => each.includes('/blobs/'))).toHaveLength(1 + 4);
});

it('stalls, and the server is closed meanwhile', async () => {
  const closing = new AbortController();
  answer = () => closing.abort(new Error('the server is closing'));
  await expect(fetched(closing.signal)).rejects.toThrow('the server is closing');
});
