/** A port for a program that cannot report which one it uses. */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which the kernel assigns ports to connections and to listeners on port 0 (32768 to 60999 unless
 * configured otherwise; ip(7)). A connection of another test could take a port of that range before the program does, or
 * while the program is restarted.
 */
const PORTS = { from: 10_000, to: 32_000 };

/** A TCP port of 127.0.0.1 on which nobody listens, a different one for each call. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
