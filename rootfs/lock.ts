/** A lock on a folder, between processes. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { ImageError } from './errors.ts';

/**
 * Locks a folder, waiting until nobody else holds the lock. Closing the handle releases it, and so does the end of the
 * process.
 *
 * flock(2) belongs to the open file description, not to the process that called it, so `flock` from util-linux can take it
 * on a descriptor that it shares with this process. Node has no such call.
 *
 * @param onWait called once if another process holds the lock
 * @throws ImageError when it cannot be locked or there is no program `flock`; the reason of `signal` when that is
 *   aborted
 */
export const lockFolder = async (
  folder: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<FileHandle> => {
  const handle = await open(folder, 'r');
  try {
    if (!(await flock(handle, ['--nonblock'], signal))) {
      onWait();
      if (!(await flock(handle, [], signal))) throw new ImageError(`${folder}: cannot be locked`);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const flock = async (handle: FileHandle, options: string[], signal?: AbortSignal): Promise<boolean> => {
  const child = spawn('flock', ['--exclusive', ...options, '3'], {
    stdio: ['ignore', 'ignore', 'inherit', handle.fd],
    ...(signal ? { signal } : {}),
  });
  try {
    const [code] = await once(child, 'exit');
    return code === 0;
  } catch (error) {
    signal?.throwIfAborted();
    throw new ImageError('the program flock (of util-linux) could not be started', { cause: error });
  }
};
