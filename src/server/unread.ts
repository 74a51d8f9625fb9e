/** Bounds the memory of responses that clients do not read, for all clients together. */
import type { Socket } from 'node:net';
import type { Log } from '../log.ts';

/** Bytes of memory for unread answers, over all connections. */
export const MOST_UNREAD_BYTES = 256 * 1024 * 1024;

/** Bytes of memory for each byte of an answer that is made while it is sent: as bytes, as text and in base64. */
const MEMORY_PER_BYTE = 4;
const INTERVAL_MS = 500;

/** How many bytes of answers may be unread, and how callers are distinguished. */
export interface UnreadOptions {
  /** The subject of a connection. */
  readonly subject: (socket: Socket) => string | undefined;
  readonly mostBytes: number;
  /** Logs a bounded number of lines. */
  readonly log: Log;
}

/**
 * Counts an answer of this many bytes that is made while it is sent; call the returned function when it has been sent.
 */
export type Hold = (bytes: number) => () => void;

interface Connection {
  /** Bytes of answers that are made while they are sent. */
  held: number;
  /** Bytes that the kernel had taken at the last check. */
  sent: number;
  /** Whether bytes waited then, since which round, and since which round none of them was taken. */
  isWaiting: boolean;
  begun: number;
  sinceRound: number;
}

interface Waiting {
  readonly socket: Socket;
  readonly sinceRound: number;
  readonly begun: number;
  readonly bytes: number;
}

/**
 * Adds up the unread bytes. Above the limit, it closes connections of the caller with the most unread bytes, first
 * those that have read nothing for the longest time. So no caller loses a connection because of others.
 */
export class Unread {
  readonly #options: UnreadOptions;
  readonly #connections = new Map<Socket, Connection>();
  readonly #timer: NodeJS.Timeout;
  #round = 0;

  constructor(options: UnreadOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.check(), INTERVAL_MS).unref();
  }

  /** Counts the unread bytes of a connection until it is closed. */
  add(socket: Socket): void {
    this.#connections.set(socket, { held: 0, sent: 0, isWaiting: false, begun: 0, sinceRound: 0 });
    socket.once('close', () => this.#connections.delete(socket));
  }

  /**
   * Counts an answer that is made while it is sent.
   *
   * @param bytes of logs and texts that it holds
   * @returns to be called when it was sent
   */
  hold(socket: Socket, bytes: number): () => void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return () => undefined;
    const memoryBytes = MEMORY_PER_BYTE * bytes;
    connection.held += memoryBytes;
    // Nobody could have read it yet.
    connection.isWaiting = false;
    this.check();
    return () => {
      connection.held -= memoryBytes;
    };
  }

  /** Closes connections until the unread bytes are within the limit. */
  check(): void {
    this.#round += 1;
    const { mostBytes, subject, log } = this.#options;
    let total = 0;
    const waiting: Waiting[] = [];
    for (const [socket, connection] of this.#connections) {
      const bytes = socket.writableLength + connection.held;
      const sent = socket.bytesWritten - socket.writableLength;
      if (sent !== connection.sent || !connection.isWaiting) connection.sinceRound = this.#round;
      if (!connection.isWaiting) connection.begun = this.#round;
      connection.sent = sent;
      connection.isWaiting = bytes > 0;
      if (bytes === 0) continue;
      total += bytes;
      waiting.push({ socket, sinceRound: connection.sinceRound, begun: connection.begun, bytes });
    }
    if (total <= mostBytes) return;
    const callers = [...Map.groupBy(waiting, ({ socket }) => subject(socket)).values()].map((own) => ({
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      own: own.sort(
        (one, other) =>
          other.sinceRound - one.sinceRound || other.begun - one.begun || one.bytes - other.bytes,
      ),
    }));
    while (total > mostBytes) {
      const most = callers.reduce((one, other) => (other.bytes > one.bytes ? other : one));
      const next = most.own.pop();
      if (next === undefined) return;
      log(
        `a connection was broken: its client does not read, and all answers that wait take ${total} bytes`,
        {
          level: 'warn',
        },
      );
      next.socket.destroy();
      this.#connections.delete(next.socket);
      most.bytes -= next.bytes;
      total -= next.bytes;
    }
  }

  /** Stops checking. */
  close(): void {
    clearInterval(this.#timer);
  }
}
