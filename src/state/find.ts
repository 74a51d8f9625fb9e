/** Finds the state folder of the server on this machine among several. */

import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { statePaths } from './paths.ts';

/**
 * The first folder in which a server listens, or else the first that a server has used or images were fetched into, or
 * else the first.
 *
 * @param folders the folders that may be it, the default one first
 */
export const findStateDir = async (folders: readonly [string, ...string[]]): Promise<string> => {
  for (const folder of folders) if (await isListening(statePaths(folder).socket)) return folder;
  const isUsed = (folder: string): boolean => {
    const { database, images } = statePaths(folder);
    return existsSync(database) || existsSync(images);
  };
  return folders.find(isUsed) ?? folders[0];
};

/** Whether a server accepts connections at a Unix socket; one that was killed leaves its socket behind. */
export const isListening = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
