// Keeps the output of several machines apart.

import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';

/** A stream that copies whole lines to another one, each after a prefix. */
export const prefixLines = (prefix: string, output: NodeJS.WritableStream): NodeJS.WritableStream => {
  const input = new PassThrough();
  createInterface({ input }).on('line', (line) => output.write(`${prefix}${line}\n`));
  return input;
};
