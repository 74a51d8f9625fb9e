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

/** Errors for a pipe or a socket without a reader, and for a terminal that is gone. */
const GONE = ['EPIPE', 'ECONNRESET', 'EIO'];

/** Writes a text and a newline to standard output; throws as `write` does. */
export const print = (text: string): Promise<void> => write(process.stdout, `${text}\n`);

/** Writes a value to standard output as indented JSON; throws as `write` does. */
export const printJson = (value: unknown): Promise<void> => print(JSON.stringify(value, null, 2));

/** Prints a remark to stderr. */
export const note = (text: string): Promise<void> =>
  // If stderr cannot be written, there is nowhere to report it.
  write(process.stderr, `cloister: ${text}\n`).catch(() => undefined);

/** Prints a remark for a person, only if stderr is a terminal, so that it ends up in no log. */
export const aside = async (text: string): Promise<void> => {
  if (process.stderr.isTTY)
    await write(process.stderr, `${styled('dim', text, process.stderr)}\n`).catch(() => undefined);
};
