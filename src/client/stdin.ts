/** The standard input of a job: a file, or our own standard input. */

import { isUtf8 } from 'node:buffer';
import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CliError } from './errors.ts';
import { note } from './output.ts';

/** Bytes. The standard input of a job is part of its submission. */
export const LARGEST_STDIN = 8 * 1024 * 1024;

/** A job's standard input, as fields of its submission. */
export type StdinFields = { readonly stdin: string } | { readonly stdinBytes: string } | Record<never, never>;

/**
 * What a job's standard input is.
 *
 * @param named what `--stdin` names: a file, or `-`; without it our own standard input is used where it is a pipe, a
 *   file or a socket, as a command of one's own shell would
 * @returns no field when there is none: the job reads /dev/null
 * @throws CliError when it is larger than `LARGEST_STDIN` (no more than that is read)
 */
export const stdinFields = async (named: string | undefined, own: boolean): Promise<StdinFields> => {
  if (named === '-') return fieldsOf(await readBounded('--stdin', process.stdin));
  if (named !== undefined) return fieldsOf(await readNamed(named));
  if (!own || !isFed()) return {};
  const late = setTimeout(() => void note(WAITING), WAITING_MS);
  try {
    const content = await readBounded('standard input', process.stdin);
    return content.length === 0 ? {} : fieldsOf(content);
  } finally {
    clearTimeout(late);
  }
};

const fieldsOf = (content: Buffer): StdinFields =>
  isUtf8(content) ? { stdin: content.toString() } : { stdinBytes: content.toString('base64') };

/** Milliseconds after which a person wonders why nothing happens. */
const WAITING_MS = 3000;
const WAITING = 'waiting for the end of standard input, which the job is fed; "< /dev/null" gives it none';

/** Whether our standard input is neither a terminal, nor a device such as /dev/null, nor closed. */
const isFed = (): boolean => {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isFile() || stat.isSocket();
  } catch {
    return false;
  }
};

const readNamed = async (file: string): Promise<Buffer> => {
  try {
    await using handle = await open(file);
    return await readBounded('--stdin', handle.createReadStream({ autoClose: false }));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`--stdin: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};

/** Reads a whole stream, but stops as soon as it exceeds `LARGEST_STDIN`. */
const readBounded = async (what: string, stream: Readable): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > LARGEST_STDIN)
      throw new CliError(
        `${what}: expected at most ${LARGEST_STDIN} bytes (8 MiB), which is what a job can be fed, got more`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
