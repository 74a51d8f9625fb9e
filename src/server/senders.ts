/**
 * Whose turn it is: callers take turns with each other, and with all unauthenticated requests together, which take turns by
 * network.
 */

import type { IncomingMessage } from 'node:http';
import type { TurnLimits, Whose } from '../async/turns.ts';
import type { Identity } from '../jobs/service.ts';
import type { Callers } from './callers.ts';
import type { Connections } from './connections.ts';
import { networkOf } from './network.ts';

/** What is begun in one turn of the event loop: so many requests of the smallest weight, or as many as take this long. */
export const OF_A_TURN: TurnLimits = { weight: 16, ms: 2 };
const BYTES_OF_A_WEIGHT = 32 * 1024;

/** One for each request and for each piece of its body, which takes time to read and to check. */
export const weightOf = (bytes: number): number => 1 + Math.floor(bytes / BYTES_OF_A_WEIGHT);

/** What a caller sends. */
export const ofCaller = ({ subject }: Pick<Identity, 'subject'>): Whose => ({
  group: `caller ${subject}`,
  member: '',
});

/** What somebody sends who has not authenticated. */
export const ofUnauthenticated = ({ socket }: IncomingMessage): Whose => ({
  group: 'unauthenticated',
  member: networkOf(socket.remoteAddress ?? ''),
});

/** Knows whose a request is before anything else is done for it. */
export class Senders {
  readonly #callers: Callers;
  readonly #connections: Connections;

  constructor(callers: Callers, connections: Connections) {
    this.#callers = callers;
    this.#connections = connections;
  }

  /** Of who has authenticated on its connection before, else of who it says. */
  of(request: IncomingMessage): Whose {
    const subject =
      this.#connections.subject(request.socket) ?? this.#callers.decide(request).identity?.subject;
    return subject === undefined ? ofUnauthenticated(request) : ofCaller({ subject });
  }
}
