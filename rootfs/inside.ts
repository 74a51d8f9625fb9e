/** Prepares an image in a process that lives in a user namespace. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { ImageError } from './errors.ts';
import type { EnsureImageOptions } from './options.ts';

/** What the inner process receives: the options of `ensureImage` that are data. */
export type InsideRequest = Pick<
  EnsureImageOptions,
  'name' | 'imagesDir' | 'mirror' | 'owners' | 'hostOwners' | 'answerTimeoutMs' | 'unusedBeforeMs'
>;

const PROGRAM = join(import.meta.dirname, 'make.ts');

/**
 * Prepares an image in a process that may give its files to their owners, because it lives in a user namespace.
 *
 * @throws ImageError with what that process could not do
 */
export const makeInside = async (enter: readonly string[], options: EnsureImageOptions): Promise<void> => {
  const {
    name,
    imagesDir,
    mirror,
    owners,
    ownersInside = owners,
    answerTimeoutMs,
    unusedBeforeMs,
    log,
    signal,
  } = options;
  const request: InsideRequest = {
    name,
    imagesDir,
    mirror,
    owners: ownersInside,
    hostOwners: owners,
    ...(answerTimeoutMs === undefined ? {} : { answerTimeoutMs }),
    ...(unusedBeforeMs === undefined ? {} : { unusedBeforeMs }),
  };
  const [program = process.execPath, ...parameters] = [...enter, process.execPath, PROGRAM];
  const child = spawn(program, [...parameters, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): boolean => child.kill('SIGTERM');
  signal?.addEventListener('abort', end);
  try {
    const exited = once(child, 'close');
    createInterface({ input: child.stderr }).on('line', log);
    const [refusal, [code]] = await Promise.all([text(child.stdout), exited]);
    signal?.throwIfAborted();
    if (code !== 0)
      throw new ImageError(refusal.trim() || `image ${name}: its maker ended with code ${code}`);
  } finally {
    signal?.removeEventListener('abort', end);
  }
};
