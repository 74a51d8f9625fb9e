/** Connections on which nobody has authenticated yet: they may take only a part of all connections. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { networkOf } from './network.ts';

/** How many connections there may be on which nobody has authenticated. */
export interface UnauthenticatedLimits {
  /** Connections from all networks together. */
  readonly all: number;
  /** Connections from one IPv4 address, or one IPv6 network of 64 bits, which one machine can have as a whole. */
  readonly perNetwork: number;
}

/** A tenth of all connections, and a quarter of that for one network. */
export const unauthenticatedLimits = (connections: number): UnauthenticatedLimits => ({
  all: Math.max(64, Math.floor(connections / 10)),
  perNetwork: Math.max(16, Math.floor(connections / 40)),
});

/** The limits, and who is notified of what they close. */
export interface UnauthenticatedOptions extends UnauthenticatedLimits {
  /** Called with the number that was exceeded when a connection was closed. */
  readonly closed: (most: number) => void;
}

interface Connection {
  readonly name: string;
  readonly socket: Socket;
  readonly network: string;
}

/**
 * Counts connections until their caller is known. Where there are too many, a new one is accepted and the oldest is
 * closed instead, of the same network if that one has too many: so a caller with a token always gets in, since it has
 * sent the token long before its connection is the oldest. Those over a Unix socket are of the server's own user, and
 * not counted.
 */
export class UnauthenticatedConnections {
  readonly #options: UnauthenticatedOptions;
  /** By address and port, which the connection below TLS shares with the one above it; oldest first. */
  readonly #all = new Map<string, Connection>();
  readonly #byNetwork = new Map<string, Map<string, Connection>>();

  constructor(options: UnauthenticatedOptions) {
    this.#options = options;
  }

  /** Counts a connection until it is closed or removed. */
  add(socket: Socket): void {
    const name = nameOf(socket);
    if (name === undefined) return;
    const network = networkOf(socket.remoteAddress ?? '');
    const connection: Connection = { name, socket, network };
    const own = this.#byNetwork.get(network) ?? new Map<string, Connection>();
    this.#byNetwork.set(network, own);
    this.#all.set(name, connection);
    own.set(name, connection);
    socket.once('close', () => this.#forget(connection));
    const { all, perNetwork, closed } = this.#options;
    const [most, full] = own.size > perNetwork ? [perNetwork, own] : [all, this.#all];
    const [oldest] = full.values();
    if (full.size <= most || oldest === undefined) return;
    // Its own event comes later, and the next connection may come before it.
    this.#forget(oldest);
    oldest.socket.destroy();
    closed(most);
  }

  /** The caller on a connection is known. */
  remove(socket: Duplex): void {
    const name = socket instanceof Socket ? nameOf(socket) : undefined;
    const connection = name === undefined ? undefined : this.#all.get(name);
    if (connection !== undefined) this.#forget(connection);
  }

  #forget(connection: Connection): void {
    const { name, network } = connection;
    // A later connection may have the same address and port.
    if (this.#all.get(name) !== connection) return;
    this.#all.delete(name);
    const own = this.#byNetwork.get(network);
    own?.delete(name);
    if (own?.size === 0) this.#byNetwork.delete(network);
  }
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string | undefined =>
  remoteAddress === undefined || remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
