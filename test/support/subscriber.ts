/** Subscribers over WebSocket. */

import { WebSocket } from 'ws';
import type { TestServer } from './server.ts';

/**
 * A subscription on a connection of its own, in the graphql-transport-ws protocol by hand: small enough for ten
 * thousand of them, and able to misbehave.
 */
export class Subscriber {
  readonly socket: WebSocket;
  /** Settles with the first message of the subscription; rejects when the connection closes before. */
  readonly begun: Promise<void>;
  /** Settles when the subscription has completed; rejects when the connection closes before. */
  readonly completed: Promise<void>;

  /** @param next is given the data of each message */
  constructor(
    server: TestServer,
    query: string,
    variables: object,
    next: (data: unknown) => void = () => undefined,
  ) {
    const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    this.socket = socket;
    const begun = Promise.withResolvers<void>();
    const completed = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.completed = completed.promise;
    for (const promise of [this.begun, this.completed]) promise.catch(() => undefined);
    const say = (message: object): void => socket.send(JSON.stringify(message));
    socket.once('open', () =>
      say({ type: 'connection_init', payload: { authorization: `Bearer ${server.token}` } }),
    );
    socket.on('message', (text) => {
      const message = JSON.parse(String(text)) as Message;
      if (message.type === 'connection_ack')
        say({ id: '1', type: 'subscribe', payload: { query, variables } });
      if (message.type === 'complete') completed.resolve();
      if (message.type === 'error') fail(new Error(`refused: ${text}`));
      if (message.type !== 'next') return;
      if (message.payload.errors !== undefined) fail(new Error(`failed: ${text}`));
      begun.resolve();
      next(message.payload.data);
    });
    const fail = (error: Error): void => {
      begun.reject(error);
      completed.reject(error);
    };
    socket.once('error', fail);
    socket.once('close', (code) => fail(new Error(`the connection was closed with ${code}`)));
  }

  /** Stops reading; only what the kernel buffers still arrives. */
  stall(): void {
    this.socket.pause();
  }

  /** Disconnects at once, whatever is in progress. */
  vanish(): void {
    this.socket.terminate();
  }
}

type Message =
  | { readonly type: 'connection_ack' | 'complete' | 'error' | 'ping' | 'pong' }
  | { readonly type: 'next'; readonly payload: { readonly data?: unknown; readonly errors?: unknown } };
