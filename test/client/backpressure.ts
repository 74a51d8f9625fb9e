/** Whether a reader of a log that is busy holds the server up, which has more to send. */

import { expect, vi } from 'vitest';
import type { FakeServer } from './fake-server.ts';

/** What a reader gets of a log. */
interface Batch {
  readonly entries: readonly { readonly bytes: string }[];
}

const PIECE_BYTES = 128 * 1024;
const PIECES = 400;

const bytesOf = ({ entries }: Batch): number =>
  entries.reduce((sum, { bytes }) => sum + Buffer.from(bytes, 'base64').length, 0);

/**
 * Reads one batch of a long log, waits until the buffers between server and reader are full, and reads the rest.
 *
 * @param read opens the log of job `a`, to its end
 */
export const expectBackpressure = async (
  server: FakeServer,
  read: () => AsyncIterableIterator<Batch>,
): Promise<void> => {
  const job = server.job('a');
  const piece = Buffer.alloc(PIECE_BYTES, 'x');
  for (let count = 0; count < PIECES; count += 1) job.write(piece);
  job.end({ status: 'COMPLETED', exitCode: 0 });
  const logs = read();
  const first = await logs.next();
  let bytes = first.done === true ? 0 : bytesOf(first.value);
  // Until nothing moves any more.
  let before = -1;
  await vi.waitFor(
    () => {
      const now = server.batches;
      const still = now === before;
      before = now;
      expect(still).toBe(true);
    },
    { interval: 250, timeout: 100_000 },
  );
  expect(server.batches).toBeLessThan(PIECES / 2);
  for await (const batch of logs) bytes += bytesOf(batch);
  expect(bytes).toBe(PIECES * PIECE_BYTES);
};
