/** Subscribers over the graphql-transport-ws protocol that take messages as fast as a server sends them. */

import { connect, type Socket } from 'node:net';

/** Where a server is, and who asks. */
export interface Endpoint {
  readonly port: number;
  /** Without it the connection is opened by nobody. */
  readonly token?: string;
}

const END = Buffer.from('"type":"complete"}');
const ANY_MASK_HEADER_BYTES = 8;

/**
 * One subscription over a connection of its own. Written by hand, since a client that decodes what it receives takes
 * longer than the server.
 */
export class Subscriber {
  readonly #socket: Socket;
  #tail: Buffer = Buffer.alloc(0);
  #take: (chunk: Buffer) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(port: number, buffer: Buffer) {
    const callback = (length: number): boolean => {
      this.#take(buffer.subarray(0, length));
      return true;
    };
    this.#socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback } });
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('close', () => this.#failed(new Error('the connection was closed')));
  }

  /** Connects and is acknowledged. All share what they read into: none keeps what it received. */
  static async open({ port, token }: Endpoint, buffer: Buffer): Promise<Subscriber> {
    const subscriber = new Subscriber(port, buffer);
    const upgraded = subscriber.#expect('101 Switching Protocols');
    subscriber.#socket.write(
      `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    );
    await upgraded;
    const acknowledged = subscriber.#expect('connection_ack');
    subscriber.#send({
      type: 'connection_init',
      ...(token !== undefined && { payload: { authorization: `Bearer ${token}` } }),
    });
    await acknowledged;
    return subscriber;
  }

  /** Subscribes. @param each sees what is received, before it is overwritten */
  subscribe(query: string, variables: unknown, each: (chunk: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      this.#take = (chunk) => {
        each(chunk);
        this.#tail = Buffer.concat([this.#tail, chunk.subarray(-END.length)]).subarray(-END.length);
        if (this.#tail.equals(END)) resolve();
      };
      this.#send({ id: '1', type: 'subscribe', payload: { query, variables } });
    });
  }

  close(): void {
    this.#failed = () => undefined;
    this.#socket.destroy();
  }

  #expect(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      let received = '';
      this.#take = (chunk) => {
        received += chunk.toString('latin1');
        if (received.includes(text)) resolve();
      };
    });
  }

  /** A text frame whose mask is zeros (RFC 6455, section 5.2), so that its payload is as it is. */
  #send(message: unknown): void {
    const payload = Buffer.from(JSON.stringify(message));
    const header = Buffer.alloc(ANY_MASK_HEADER_BYTES);
    header[0] = 0x81;
    header[1] = 0x80 | 126;
    header.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([header, payload]));
  }
}
