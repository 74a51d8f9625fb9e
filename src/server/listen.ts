/** Binds the address that the server listens on. */
import { createServer, type Server } from 'node:net';

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/**
 * Listens, and settles when connections are accepted.
 *
 * @throws Error that names the address and why it cannot be bound
 */
export const listenOn = (server: Server, { host, port }: ListenAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });

/**
 * Finds out whether an address can be listened on, by listening for a moment: a start that is bound to fail must not
 * take the time of one that succeeds.
 *
 * @throws Error as `listenOn`
 */
export const checkAddress = async (address: ListenAddress): Promise<void> => {
  // A client that connects at this moment is refused, as it would have been a moment earlier.
  const probe = createServer((socket) => socket.destroy());
  await listenOn(probe, address);
  await new Promise<void>((resolve) => {
    probe.close(() => resolve());
  });
};
