/** Writes to standard output and standard error. */

import type { Writable } from 'node:stream';
import { BrokenPipe, OutputLost } from './errors.ts';
import { styled } from './style.ts';

/**
 * Writes, and settles when the bytes have left the process: a slow reader is waited for.
 *
 * @throws OutputLost when it cannot, BrokenPipe when nobody reads any more
 */
export const write = (to: Writable, data: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    to.write(data, (error) => {
      if (!error) resolve();
      else if ('code' in error && GONE.includes(String(error.code))) reject(new BrokenPipe());
      else reject(new OutputLost(`cannot write the output: ${error.message}`, 1, { cause: error }));
    });
  });

/** A pipe or a socket without a reader, and a terminal that is gone. */
const GONE = ['EPIPE', 'ECONNRESET', 'EIO'];

export const print = (text: string): Promise<void> => write(process.stdout, `${text}\n`);

export const printJson = (value: unknown): Promise<void> => print(JSON.stringify(value, null, 2));

/** A remark of ours, beside the output. */
export const note = (text: string): Promise<void> =>
  // Where stderr cannot be written there is nowhere left to say so.
  write(process.stderr, `cloister: ${text}\n`).catch(() => undefined);

/** A remark that only a person at a terminal needs, so that it is not in anybody's log. */
export const aside = async (text: string): Promise<void> => {
  if (process.stderr.isTTY)
    await write(process.stderr, `${styled('dim', text, process.stderr)}\n`).catch(() => undefined);
};
