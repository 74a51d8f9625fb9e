/** Large and binary output arrives exactly. */

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const LOGS = 'subscription ($id: ID!) { logs(jobId: $id) { droppedBytes entries { stream bytes } } }';

/** Digest and length of each stream of a job, over the subscription. */
const streams = async (id: string) => {
  const found = {
    STDOUT: { hash: createHash('sha256'), bytes: 0 },
    STDERR: { hash: createHash('sha256'), bytes: 0 },
  };
  let dropped = 0;
  for await (const data of server.subscribe(LOGS, { id })) {
    const { logs } = data as {
      logs: { droppedBytes: number; entries: { stream: 'STDOUT' | 'STDERR'; bytes: string }[] };
    };
    dropped += logs.droppedBytes;
    for (const { stream, bytes } of logs.entries) {
      const decoded = Buffer.from(bytes, 'base64');
      found[stream].hash.update(decoded);
      found[stream].bytes += decoded.length;
    }
  }
  const summary = ({ hash, bytes }: (typeof found)['STDOUT']) => ({ bytes, digest: hash.digest('hex') });
  return { dropped, stdout: summary(found.STDOUT), stderr: summary(found.STDERR) };
};

const digest = (bytes: Buffer): { bytes: number; digest: string } => ({
  bytes: bytes.length,
  digest: createHash('sha256').update(bytes).digest('hex'),
});

const NOTHING = digest(Buffer.alloc(0));
const limits = { output: '300Mi', timeout: '5m' };

describe('output arrives byte for byte', () => {
  it('as a line of 100 MB without an end', async () => {
    const id = await server.submit({ command: "head -c 104857600 /dev/zero | tr '\\0' x", limits });
    expect(await streams(id)).toEqual({
      dropped: 0,
      stdout: digest(Buffer.alloc(104_857_600, 'x')),
      stderr: NOTHING,
    });
  });

  it('in writes of a byte each', async () => {
    const id = await server.submit({ command: 'seq 3000 | dd bs=1 2>/dev/null', limits });
    const whole = Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`).join('');
    expect(await streams(id)).toEqual({ dropped: 0, stdout: digest(Buffer.from(whole)), stderr: NOTHING });
  });

  it('on both streams at once', async () => {
    const id = await server.submit({
      command: 'head -c 20000000 /dev/zero & head -c 20000000 /dev/zero >&2; wait',
      limits,
    });
    const half = digest(Buffer.alloc(20_000_000));
    expect(await streams(id)).toEqual({ dropped: 0, stdout: half, stderr: half });
  });

  it('with every possible byte, and with invalid UTF-8', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const escapes = [...every].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const broken = Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0xe2, 0x82, 0xed, 0xa0, 0x80, 0xf0, 0x9f]);
    const octal = [...broken].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const id = await server.submit({ argv: ['/usr/bin/printf', `${escapes}${octal}`], limits });
    expect(await streams(id)).toEqual({
      dropped: 0,
      stdout: digest(Buffer.concat([every, broken])),
      stderr: NOTHING,
    });
  });
});
