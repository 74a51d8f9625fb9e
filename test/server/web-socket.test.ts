/** The graphql-transport-ws protocol. */

import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { AUTHORIZATION, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();

afterEach(() => {
  vi.useRealTimers();
});

interface Message {
  readonly id?: string;
  readonly type: string;
  readonly payload?: unknown;
}

/** A client that says what its test says, right or wrong. */
class Raw {
  readonly received: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.received.push(JSON.parse(String(data)) as Message));
    // A connection that the server breaks is what some of these tests are about.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  static async open(
    { webSocketUrl }: Fixture,
    headers: Record<string, string> = {},
    options: ClientOptions = {},
  ): Promise<Raw> {
    const socket = new WebSocket(webSocketUrl, 'graphql-transport-ws', { headers, ...options });
    dispose(() => socket.terminate());
    const raw = new Raw(socket);
    await once(socket, 'open');
    return raw;
  }

  static async signedIn(fixture: Fixture): Promise<Raw> {
    const raw = await Raw.open(fixture);
    raw.send({ type: 'connection_init', payload: { authorization: AUTHORIZATION } });
    await raw.until('connection_ack');
    return raw;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables: object = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** The first message of a type, once it has come; rejects if the connection is closed before. */
  async until(type: string, id?: string): Promise<Message> {
    const find = () => this.received.find((message) => message.type === type && message.id === id);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      // Not by polling, which lets faked timers advance.
      const closed = this.closed.then(({ code }) => {
        throw new Error(`closed with ${code} before ${type} ${id}`);
      });
      await Promise.race([once(this.socket, 'message'), closed]);
    }
  }
}

const repeat = (count: number, act: () => void): void => {
  for (let n = 0; n < count; n++) act();
};

const LOGS = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';
const unauthenticated = [
  { message: expect.stringContaining('authorization: expected'), extensions: { code: 'UNAUTHENTICATED' } },
];

describe('a WebSocket client', () => {
  it('can send queries and mutations too', async () => {
    const fixture = await serveFakes(dispose);
    const raw = await Raw.signedIn(fixture);
    raw.subscribe('q', '{ server { version } }');
    raw.subscribe('m', 'mutation { submitJob(input: { command: "true" }) { job { status } } }');
    expect((await raw.until('next', 'q')).payload).toEqual({ data: { server: { version: '1.2.3' } } });
    expect((await raw.until('next', 'm')).payload).toEqual({
      data: { submitJob: { job: { status: 'QUEUED' } } },
    });
    await raw.until('complete', 'q');
    await raw.until('complete', 'm');
    expect([...fixture.jobs.askedBy]).toEqual(['admin']);
  });

  it.each([
    undefined,
    {},
    { authorization: 'Bearer nope' },
    { authorization: [AUTHORIZATION] },
    { token: 'x' },
  ])(
    'that sends the credentials %j has each operation refused, and is closed after a while',
    async (payload) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const fixture = await serveFakes(dispose, { timeouts: { unauthenticatedMs: 300 } });
      const { id } = fixture.jobs.add();
      const raw = await Raw.open(fixture);
      raw.send({ type: 'connection_init', ...(payload && { payload }) });
      await raw.until('connection_ack');
      raw.subscribe('q', '{ __typename }');
      raw.subscribe('s', LOGS, { id });
      raw.subscribe('x', 'no document at all');
      for (const id of ['q', 's', 'x'])
        expect((await raw.until('error', id)).payload).toMatchObject(unauthenticated);
      vi.advanceTimersByTime(299);
      raw.subscribe('z', '{ __typename }');
      await raw.until('error', 'z');
      vi.advanceTimersByTime(1);
      expect(await raw.closed).toEqual({ code: 4403, reason: 'Forbidden' });
      expect(fixture.jobs.askedBy.size).toBe(0);
    },
  );

  it('with the token in the header of its handshake is accepted', async () => {
    const fixture = await serveFakes(dispose);
    const raw = await Raw.open(fixture, { authorization: AUTHORIZATION });
    raw.send({ type: 'connection_init' });
    await raw.until('connection_ack');
    raw.subscribe('q', '{ __typename }');
    expect((await raw.until('next', 'q')).payload).toEqual({ data: { __typename: 'Query' } });

    const wrong = await Raw.open(fixture, { authorization: 'Bearer wrong' });
    wrong.send({ type: 'connection_init' });
    await wrong.until('connection_ack');
    wrong.subscribe('q', '{ __typename }');
    expect((await wrong.until('error', 'q')).payload).toMatchObject(unauthenticated);
  });

  it('with a wrong token in its greeting is refused even with a right one in the handshake', async () => {
    const raw = await Raw.open(await serveFakes(dispose), { authorization: AUTHORIZATION });
    raw.send({ type: 'connection_init', payload: { authorization: 'Bearer wrong' } });
    await raw.until('connection_ack');
    raw.subscribe('q', '{ __typename }');
    expect((await raw.until('error', 'q')).payload).toMatchObject(unauthenticated);
  });

  it('that sends nothing is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const raw = await Raw.open(await serveFakes(dispose, { timeouts: { unauthenticatedMs: 300 } }));
    vi.advanceTimersByTime(300);
    expect((await raw.closed).code).toBe(4408);
  });

  it.each([
    [
      'a subscription before the greeting',
      4401,
      [{ id: '1', type: 'subscribe', payload: { query: '{ a }' } }],
    ],
    ['two greetings', 4429, [{ type: 'connection_init' }, { type: 'connection_init' }]],
    ['an unknown type', 4400, [{ type: 'nope' }]],
    ['no object', 4400, ['hello']],
  ])('that sends %s is closed with %d', async (_name, code, messages) => {
    const raw = await Raw.open(await serveFakes(dispose));
    for (const message of messages) raw.send(message as object);
    expect((await raw.closed).code).toBe(code);
  });

  it('that does not answer a ping is disconnected', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const fixture = await serveFakes(dispose, { timeouts: { keepAliveMs: 100 } });
    const { id } = fixture.jobs.add();
    const answering = await Raw.signedIn(fixture);
    const pinged = once(answering.socket, 'ping');
    const silent = await Raw.open(fixture, {}, { autoPong: false });
    silent.send({ type: 'connection_init', payload: { authorization: AUTHORIZATION } });
    await silent.until('connection_ack');
    silent.subscribe('1', LOGS, { id });
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    vi.advanceTimersByTime(100);
    await pinged;
    // Its answer to the ping has arrived with what is answered here.
    answering.subscribe('q', '{ __typename }');
    await answering.until('complete', 'q');
    vi.advanceTimersByTime(100);
    expect((await silent.closed).code).toBe(1006);
    await expect.poll(() => fixture.jobs.live.size).toBe(0);
    answering.subscribe('r', '{ __typename }');
    await answering.until('complete', 'r');
  });

  it('that vanishes while it is sent to is not logged', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const text = 'x'.repeat(1_000_000);
    fixture.jobs.write(id, ...Array.from({ length: 50 }, (_, index) => page(index, text)));
    const raw = await Raw.signedIn(fixture);
    raw.subscribe('1', 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }', { id });
    await raw.until('next', '1');
    raw.socket.terminate();
    await expect.poll(() => fixture.jobs.live.size).toBe(0);
    expect(fixture.jobs.pulled).toBeLessThan(50);
    expect(fixture.lines).toEqual([]);
  });

  it('that uses an id twice is closed, whatever the id', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    for (const name of ['1', '__proto__', 'constructor']) {
      const raw = await Raw.signedIn(fixture);
      raw.subscribe(name, LOGS, { id });
      raw.subscribe(name, LOGS, { id });
      expect((await raw.closed).code).toBe(4409);
    }
    await expect.poll(() => fixture.jobs.live.size).toBe(0);
  });

  it('that speaks another protocol is closed', async () => {
    const { webSocketUrl } = await serveFakes(dispose);
    const socket = new WebSocket(webSocketUrl, 'graphql-ws');
    dispose(() => socket.terminate());
    // The server agrees to no protocol, which the client may not accept.
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('no subprotocol');
  });

  it('may send as much at once as over HTTP, 16 MiB, and is closed for more', async () => {
    const fixture = await serveFakes(dispose);
    const raw = await Raw.signedIn(fixture);
    raw.subscribe('1', '{ __typename }', { a: 'x'.repeat(15 * 1024 ** 2) });
    await raw.until('complete', '1');
    raw.subscribe('2', '{ __typename }', { a: 'x'.repeat(16 * 1024 ** 2) });
    expect((await raw.closed).code).toBe(1009);
  });

  it.each<[string, (raw: Raw) => void]>([
    [
      'one message of 5000 bytes',
      (raw) => raw.send({ type: 'connection_init', payload: { a: 'x'.repeat(5000) } }),
    ],
    ['many pings', (raw) => repeat(200, () => raw.send({ type: 'ping', payload: { a: 'x'.repeat(20) } }))],
    ['pings of the protocol', (raw) => repeat(100, () => raw.socket.ping('x'.repeat(100)))],
    ['an endless message', (raw) => repeat(60, () => raw.socket.send('x'.repeat(1000), { fin: false }))],
  ])('that has not authenticated and sends %s is closed', async (_name, act) => {
    const fixture = await serveFakes(dispose);
    const raw = await Raw.open(fixture);
    act(raw);
    // The server does not wait for what is still under way, which may break the connection.
    expect([1006, 1009]).toContain((await raw.closed).code);
    await expect.poll(() => fixture.sockets.size).toBe(0);
    expect(fixture.lines).toEqual([]);
  });

  it('without the token stays within the same bound after its greeting', async () => {
    const raw = await Raw.open(await serveFakes(dispose));
    raw.send({ type: 'connection_init' });
    await raw.until('connection_ack');
    raw.send({ type: 'ping', payload: { a: 'x'.repeat(5000) } });
    expect([1006, 1009]).toContain((await raw.closed).code);
  });

  it('that does not read has only as many operations executed as fit into buffers, and all once it reads', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1, 'x'.repeat(300_000), true));
    let asked = 0;
    fixture.jobs.before = (method) => {
      if (method === 'readLog') asked += 1;
    };
    const raw = await Raw.signedIn(fixture);
    raw.socket.pause();
    const query = `{ job(id: "${id}") { logs(maxBytes: "1Mi") { entries { text } } } }`;
    for (let n = 0; n < 300; n++) raw.subscribe(String(n), query);
    const [server] = fixture.sockets;
    let before = -1;
    // It is also paused while its messages wait for their turn.
    await expect
      .poll(() => {
        const isSame = asked === before;
        before = asked;
        return isSame && server?.isPaused() === true && server.writableLength > 1024 ** 2;
      })
      .toBe(true);
    // Others are answered meanwhile, and nothing more of this client is taken.
    for (let n = 0; n < 20; n++) expect((await fetch(`${fixture.origin}/health`)).status).toBe(200);
    expect(asked).toBe(before);
    expect(asked).toBeLessThan(60);
    raw.socket.resume();
    await expect.poll(() => raw.received.filter(({ type }) => type === 'complete').length).toBe(300);
    expect(raw.received.filter(({ type }) => type === 'error')).toEqual([]);
  });

  it('that does not read the answers to its pings is not read either', async () => {
    const fixture = await serveFakes(dispose);
    const raw = await Raw.signedIn(fixture);
    raw.socket.pause();
    const payload = { a: 'x'.repeat(1_000_000) };
    for (let n = 0; n < 100; n++) raw.send({ type: 'ping', payload });
    const [server] = fixture.sockets;
    await expect.poll(() => server?.isPaused()).toBe(true);
    for (let n = 0; n < 20; n++) expect((await fetch(`${fixture.origin}/health`)).status).toBe(200);
    expect(server?.writableLength).toBeLessThan(10_000_000);
    expect(server?.bytesRead).toBeLessThan(50_000_000);
  });

  it('that sends a message in many small pieces is closed', async () => {
    const raw = await Raw.signedIn(await serveFakes(dispose));
    for (let piece = 0; piece < 100; piece++) raw.socket.send(' ', { fin: false });
    expect((await raw.closed).code).toBe(1008);
  });

  it('may have 100 subscriptions at once', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const raw = await Raw.signedIn(fixture);
    for (let n = 1; n <= 101; n++) raw.subscribe(String(n), LOGS, { id });
    expect((await raw.until('error', '101')).payload).toMatchObject([
      { extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } },
    ]);
    expect(fixture.jobs.live.size).toBe(100);
    raw.send({ id: '1', type: 'complete' });
    await expect.poll(() => fixture.jobs.live.size).toBe(99);
    raw.subscribe('102', LOGS, { id });
    await expect.poll(() => fixture.jobs.live.size).toBe(100);
  });

  it('may end a subscription and use its id again', async () => {
    // Long enough that an operation which the server still waits for makes this test fail.
    const fixture = await serveFakes(dispose, { timeouts: { closingMs: 3_600_000 } });
    const { id } = fixture.jobs.add();
    const raw = await Raw.signedIn(fixture);
    raw.subscribe('1', LOGS, { id });
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    const [first] = fixture.jobs.live;
    raw.send({ id: '1', type: 'complete' });
    raw.subscribe('1', LOGS, { id });
    await expect.poll(() => fixture.jobs.followed.length).toBe(2);
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    expect(fixture.jobs.live).not.toContain(first);
    fixture.jobs.write(id, page(1));
    await raw.until('next', '1');
    await fixture.server.close();
  });

  it('receives an error with a code for a document that is not valid', async () => {
    const raw = await Raw.signedIn(await serveFakes(dispose));
    raw.subscribe('p', '{');
    raw.subscribe('v', '{ nope }');
    expect((await raw.until('error', 'p')).payload).toMatchObject([
      { extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
    ]);
    expect((await raw.until('error', 'v')).payload).toMatchObject([
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ]);
    raw.subscribe('b', LOGS, { id: [] });
    const [next] = [await Promise.race([raw.until('next', 'b'), raw.until('error', 'b')])];
    expect(JSON.stringify(next)).toContain('BAD_USER_INPUT');
  });
});

describe('an upgrade', () => {
  const refusal = async (url: string, headers: Record<string, string>): Promise<string> => {
    const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
    dispose(() => socket.terminate());
    const [error] = (await once(socket, 'error')) as [Error];
    return error.message;
  };

  it.each([
    ['a page of another site', { origin: 'http://evil.example' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['a page without an origin', { origin: 'null' }],
    ['a name that was rebound', { host: 'evil.example' }],
  ])('by %s is refused with 403', async (_name, headers) => {
    const { webSocketUrl } = await serveFakes(dispose);
    expect(await refusal(webSocketUrl, { ...headers, authorization: AUTHORIZATION })).toContain('403');
  });

  it('at another path than /graphql is refused with 404, and its connection is closed', async () => {
    const { webSocketUrl, sockets } = await serveFakes(dispose);
    expect(await refusal(webSocketUrl.replace('graphql', 'health'), {})).toContain('404');
    await expect.poll(() => sockets.size).toBe(0);
  });

  it('by a page of the server itself is accepted', async () => {
    const fixture = await serveFakes(dispose);
    const raw = await Raw.open(fixture, { origin: fixture.origin });
    expect(raw.socket.readyState).toBe(WebSocket.OPEN);
  });
});
