import { closeSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';

/** What a supervisor tells over its control socket (`launcher/control.h` tells the protocol). */
export interface ControlEvents {
  /** The command was executed. */
  running(startedAt: Date): void;
  /**
   * The supervisor is gone: its exit record is there, or never will be. Called once, also when no connection
   * came about.
   */
  ended(): void;
}

// sockaddr_un has room for 108 bytes with the closing NUL (unix(7)).
const LONGEST_PATH = 107;

/** The connection to the supervisor of one job. */
export class Control {
  readonly #socket: Socket;
  readonly #folder: number;
  #open = true;

  /** @param folder the job's folder, which holds the socket */
  constructor(folder: string, events: ControlEvents) {
    const path = join(folder, 'control');
    const short = Buffer.byteLength(path) <= LONGEST_PATH;
    this.#folder = short ? -1 : openSync(folder, 'r');
    this.#socket = createConnection(short ? path : `/proc/self/fd/${this.#folder}/control`);
    // Why it failed does not matter: there is no supervisor at the other end (any more).
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      this.#open = false;
      if (this.#folder >= 0) closeSync(this.#folder);
      events.ended();
    });
    let text = '';
    this.#socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const [word, nanoseconds] = line.split(' ');
        if (word === 'running') events.running(new Date(Number(BigInt(nanoseconds ?? '0') / 1_000_000n)));
      }
    });
  }

  /** SIGTERM to the command, and after `gracePeriod` milliseconds the end of the whole cell. */
  stop(gracePeriod: number): void {
    if (this.#open) this.#socket.write(`stop ${gracePeriod}\n`);
  }

  /** Lets go of the connection; the job goes on. */
  close(): void {
    this.#socket.removeAllListeners('close');
    if (this.#folder >= 0 && this.#open) closeSync(this.#folder);
    this.#open = false;
    this.#socket.destroy();
  }
}
