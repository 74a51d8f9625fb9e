import type { Writable } from 'node:stream';
import { BrokenPipe, CliError } from './errors.ts';

/**
 * Writes, and settles when the bytes have left the process: a slow reader is waited for.
 *
 * @throws BrokenPipe when nobody reads any more
 */
export const write = (to: Writable, data: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    to.write(data, (error) => {
      if (!error) resolve();
      else if ('code' in error && error.code === 'EPIPE') reject(new BrokenPipe());
      else reject(new CliError(`cannot write the output: ${error.message}`, 1, { cause: error }));
    });
  });

export const print = (text: string): Promise<void> => write(process.stdout, `${text}\n`);

export const printJson = (value: unknown): Promise<void> => print(JSON.stringify(value, null, 2));

/** A remark of ours, beside the output. */
export const note = (text: string): Promise<void> =>
  // Where stderr cannot be written there is nowhere left to say so.
  write(process.stderr, `cloister: ${text}\n`).catch(() => undefined);
