/** The messages of one WebSocket client, read no faster than it reads the responses. */
import type { WebSocket } from 'ws';

/** Operations of one client that are executed at the same time, not counting established subscriptions. */
const MOST_AT_ONCE = 16;
/** While more bytes of responses than this are unread, no further messages of a client are read. */
const MOST_UNREAD_BYTES = 1024 * 1024;
/** While more messages than this wait, no more are read. */
const MOST_WAITING = 16;

/**
 * While a client has enough under way, or does not read, its further messages stay in the kernel's buffer and in the
 * client (RFC 9293, section 3.8: flow control). What came in the same read waits here.
 */
export class Inbox {
  readonly #socket: WebSocket;
  readonly #handle: (message: string) => void;
  readonly #turn: (message: string) => Promise<void>;
  readonly #waiting: string[] = [];
  readonly #busy = new Set<object>();
  #running = false;
  #wake: (() => void) | undefined;
  #idle: (() => void) | undefined;

  /**
   * @param handle takes a message
   * @param turn settles when a message may be taken
   */
  constructor(
    socket: WebSocket,
    handle: (message: string) => void,
    turn: (message: string) => Promise<void>,
  ) {
    this.#socket = socket;
    this.#handle = handle;
    this.#turn = turn;
    socket.once('close', () => {
      this.#waiting.length = 0;
      this.#wake?.();
    });
  }

  /** Whether messages are held back because of what the client has under way, not because it does not read. */
  get isHeldBack(): boolean {
    return this.#socket.isPaused && this.#socket.bufferedAmount === 0;
  }

  /** Takes a message, which is handled when its turn comes. */
  add(message: string): void {
    this.#waiting.push(message);
    if (!this.#running) void this.#run();
  }

  /** An operation begins. */
  begin(operation: object): void {
    this.#busy.add(operation);
  }

  /** An operation is over, its answer sent, or it is a subscription, which continues by itself. */
  end(operation: object): void {
    if (!this.#busy.delete(operation)) return;
    this.#wake?.();
    if (this.#busy.size === 0) this.#idle?.();
  }

  /** Settles when every response except streams was sent. */
  idle(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Something was sent. */
  sent(): void {
    this.#wake?.();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let [message] = this.#waiting; message !== undefined; [message] = this.#waiting) {
      while (!this.#hasRoom() && this.#waiting.length > 0) {
        this.#socket.pause();
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
        this.#wake = undefined;
      }
      if (this.#waiting.length > MOST_WAITING) this.#socket.pause();
      await this.#turn(message);
      // None are left when the client has gone meanwhile.
      const next = this.#waiting.shift();
      if (next !== undefined) this.#handle(next);
    }
    this.#running = false;
    this.#socket.resume();
  }

  #hasRoom(): boolean {
    return this.#busy.size < MOST_AT_ONCE && this.#socket.bufferedAmount < MOST_UNREAD_BYTES;
  }
}
