/** Requests that come on one connection before earlier ones are answered (RFC 9112, section 9.3.2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** With this many waiting requests, nothing more is read from a connection. */
const MOST_WAITING = 8;
/** With this many waiting requests the connection is closed; what was read before reading stopped is always less. */
const MOST_EVER = 4096;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Has the requests of each connection answered one after the other. Their answers go out in this order anyway, and a
 * client that sends thousands of them does not delay others.
 */
export const oneAfterAnother = (answer: Answer): Answer => {
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    const { socket } = request;
    const line = lines.get(socket) ?? new Line(socket);
    lines.set(socket, line);
    line.add(response, () => answer(request, response));
  };
};

class Line {
  readonly #socket: Socket;
  readonly #waiting: { readonly response: ServerResponse; readonly start: () => void }[] = [];
  #busy = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once('close', () => {
      this.#waiting.length = 0;
    });
  }

  add(response: ServerResponse, start: () => void): void {
    if (this.#busy) this.#waiting.push({ response, start });
    else this.#start(response, start);
    this.#hold();
  }

  #start(response: ServerResponse, start: () => void): void {
    this.#busy = true;
    // In a later turn of the event loop: others come between.
    response.once('close', () => setImmediate(() => this.#next()));
    start();
  }

  #next(): void {
    this.#busy = false;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next.response, next.start);
    if (this.#waiting.length < MOST_WAITING && this.#socket.isPaused()) this.#socket.resume();
    // Node.js resumes reading by itself after each response, and for each body.
    else this.#hold();
  }

  #hold(): void {
    if (this.#waiting.length >= MOST_WAITING) this.#socket.pause();
    if (this.#waiting.length > MOST_EVER) this.#socket.destroy();
  }
}
