/** The Unix socket of the state folder, by which clients of the same user reach the server without a port. */

import { chmod, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:net';
import type { Log } from '../log.ts';

/** Bytes of a path, from `sun_path` of unix(7) without the NUL at its end. */
const LONGEST_PATH = 107;

/**
 * Has an HTTP server answer on a Unix socket as well, which only its own user can connect to. Node.js does not say who
 * connected (SO_PEERCRED), so it is the mode of the socket, and that of the folder, that keep others away; a token is
 * expected here as everywhere. As many connections are accepted as over TCP.
 *
 * @param path in a folder that no other server uses: what is left there of an earlier one is removed
 * @param event that the server expects for a connection that is not, or no longer, encrypted
 * @returns stops listening and removes the socket; `undefined`, and a line in the log, where there can be none
 */
export const listenLocally = async (
  http: Server,
  path: string,
  log: Log,
  event: 'connection' | 'secureConnection' = 'connection',
): Promise<(() => Promise<void>) | undefined> => {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    log(`no local socket: ${path} is longer than the ${LONGEST_PATH} bytes that a socket's path may have`, {
      level: 'warn',
    });
    return undefined;
  }
  await rm(path, { force: true });
  const local = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => http.emit(event, socket));
  local.maxConnections = http.maxConnections;
  local.on('drop', (data) => http.emit('drop', data));
  try {
    await new Promise<void>((resolve, reject) => {
      local.once('error', reject);
      local.listen(path, resolve);
    });
    await chmod(path, 0o600);
  } catch (error) {
    local.close();
    log(`no local socket: ${error instanceof Error ? error.message : String(error)}`, { level: 'warn' });
    return undefined;
  }
  return () =>
    new Promise((resolve) => {
      local.close(() => resolve());
    });
};
