/** Servers and clients for the tests of HTTP and WebSocket. */

import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Quotas } from '../../src/access/quotas.ts';
import { Rights } from '../../src/access/rights.ts';
import type { Tokens } from '../../src/access/tokens.ts';
import type { LogFields } from '../../src/log.ts';
import type { ConnectionLimits } from '../../src/server/connections.ts';
import type { Operator } from '../../src/server/operator.ts';
import type { ProxySettings } from '../../src/server/proxies.ts';
import { type RunningServer, startServer, type Timeouts } from '../../src/server/server.ts';
import type { StreamLimits } from '../../src/server/streams.ts';
import type { TlsSettings } from '../../src/server/tls.ts';
import type { UnauthenticatedLimits } from '../../src/server/unauthenticated.ts';
import { newLinkKeys } from '../support/link-keys.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeImages } from './fake-images.ts';
import { FakeJobs } from './fake-jobs.ts';
import { openAudit, openQuotas, openShares, openTokens, TOKEN } from './fake-tokens.ts';

export { TOKEN };
export const AUTHORIZATION = `Bearer ${TOKEN}`;

export interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: Record<string, unknown>;
  }[];
}

export interface Fixture {
  readonly server: RunningServer;
  readonly jobs: FakeJobs;
  readonly tokens: Tokens;
  readonly quotas: Quotas;
  readonly rights: Rights;
  /** What the server logged of faults. */
  readonly lines: string[];
  /** Everything that it logged. */
  readonly entries: { readonly line: string; readonly fields: LogFields }[];
  /** The server's ends of its open connections. */
  readonly sockets: ReadonlySet<Socket>;
  readonly url: string;
  readonly origin: string;
  readonly webSocketUrl: string;
}

/** A real server on a free port, with a fake job service. */
export const serveFakes = async (
  dispose: (step: () => unknown) => void,
  options: {
    readonly timeouts?: Partial<Timeouts>;
    readonly allowedHosts?: readonly string[];
    readonly socketPath?: string;
    readonly basePath?: string;
    readonly streams?: StreamLimits;
    readonly connections?: ConnectionLimits;
    readonly unauthenticated?: UnauthenticatedLimits;
    readonly mostUnreadBytes?: number;
    readonly mostIncomingBytes?: number;
    readonly tls?: TlsSettings;
    readonly rolesPath?: string;
    readonly allowedOrigins?: readonly string[];
    readonly proxy?: ProxySettings;
    readonly operator?: Operator;
    readonly host?: string;
  } = {},
): Promise<Fixture> => {
  const jobs = new FakeJobs();
  const lines: string[] = [];
  const rights = new Rights();
  const tokens = await openTokens(rights);
  const shares = await openShares(rights);
  const entries: { readonly line: string; readonly fields: LogFields }[] = [];
  const quotas = await openQuotas();
  const server = await startServer({
    listen: { host: options.host ?? '127.0.0.1', port: 0 },
    allowedHosts: options.allowedHosts ?? [],
    jobs,
    images: new FakeImages(),
    files: new FakeFiles(),
    linkKeys: newLinkKeys(),
    tokens,
    quotas,
    audit: openAudit(),
    shares,
    rights,
    log: (line, fields = {}) => {
      entries.push({ line, fields });
      if (fields.level === 'warn' || fields.level === 'error') lines.push(line);
    },
    ...(options.timeouts && { timeouts: options.timeouts }),
    ...(options.streams && { streams: options.streams }),
    ...(options.connections && { connections: options.connections }),
    ...(options.unauthenticated && { unauthenticated: options.unauthenticated }),
    ...(options.mostUnreadBytes && { mostUnreadBytes: options.mostUnreadBytes }),
    ...(options.mostIncomingBytes && { mostIncomingBytes: options.mostIncomingBytes }),
    ...(options.tls && { tls: options.tls }),
    ...(options.operator && { operator: options.operator }),
    ...(options.proxy && { proxy: options.proxy }),
    ...(options.allowedOrigins && { allowedOrigins: options.allowedOrigins }),
    ...(options.rolesPath !== undefined && { rolesPath: options.rolesPath }),
    ...(options.basePath !== undefined && { basePath: options.basePath }),
    ...(options.socketPath !== undefined && { socketPath: options.socketPath }),
  });
  dispose(() => server.close());
  const { origin, port } = new URL(server.url);
  const sockets = new Set<Socket>();
  const opened = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort !== Number(port)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  diagnostics.subscribe('net.server.socket', opened);
  dispose(() => diagnostics.unsubscribe('net.server.socket', opened));
  return {
    server,
    jobs,
    tokens,
    quotas,
    rights,
    lines,
    entries,
    sockets,
    url: server.url,
    origin,
    webSocketUrl: server.url.replace('http', 'ws'),
  };
};

/** Sends a document over HTTP. */
export const ask = async (
  { url }: Pick<Fixture, 'url'>,
  query: string,
  variables: unknown = {},
): Promise<Answer> => {
  const response = await post(url, { query, variables });
  return (await response.json()) as Answer;
};

export const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: AUTHORIZATION, ...headers },
    body: JSON.stringify(body),
  });

/** A way to subscribe, with a third-party client. */
export interface Transport {
  readonly name: string;
  /** Calls `next` for each message; settles when the stream completes, and rejects when it fails. */
  subscribe(fixture: Fixture, query: string, variables: object, next?: (answer: Answer) => void): Stream;
}

export interface Stream {
  readonly done: Promise<void>;
  /** Disconnects by closing the connection. */
  leave(): void;
}

/** The common interface of the client libraries. */
interface Client {
  subscribe(
    payload: { query: string; variables: Record<string, unknown> },
    sink: {
      next: (value: object) => void;
      error: (error: unknown) => void;
      complete: () => void;
    },
  ): () => void;
  dispose(): unknown;
}

const over =
  (
    name: string,
    connect: (fixture: Fixture) => { client: Client; leave: () => void },
  ): Transport['subscribe'] =>
  (fixture, query, variables, next = () => undefined) => {
    const { client, leave } = connect(fixture);
    const done = new Promise<void>((resolve, reject) => {
      client.subscribe(
        { query, variables: { ...variables } },
        {
          next: (value) => next(value as Answer),
          error: (error) => reject(error instanceof Error ? error : new Refused(name, error)),
          complete: resolve,
        },
      );
    }).finally(() => client.dispose());
    // A client that leaves does not await the end.
    done.catch(() => undefined);
    return { done, leave };
  };

/** What a client library rejects with when it is not an Error. */
export class Refused extends Error {
  readonly errors: Answer['errors'];
  readonly value: unknown;

  constructor(name: string, value: unknown) {
    super(`${name}: ${JSON.stringify(value)}`);
    this.value = value;
    this.errors = Array.isArray(value) ? value : [];
  }
}

export const overWebSocket: Transport = {
  name: 'WebSocket (graphql-ws)',
  subscribe: over('graphql-ws', ({ webSocketUrl }) => {
    let socket: WebSocket | undefined;
    const client = createWsClient({
      url: webSocketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: AUTHORIZATION },
      retryAttempts: 0,
      on: {
        opened: (opened) => {
          if (opened instanceof WebSocket) socket = opened;
        },
      },
    });
    return { client, leave: () => socket?.terminate() };
  }),
};

export const overSse: Transport = {
  name: 'SSE (graphql-sse)',
  subscribe: over('graphql-sse', ({ url }) => {
    const client = createSseClient({ url, headers: { authorization: AUTHORIZATION }, retryAttempts: 0 });
    return { client, leave: () => client.dispose() };
  }),
};

/** A subscription with `fetch` alone, which reads the response piece by piece. */
export const overFetch: Transport = {
  name: 'SSE (fetch)',
  subscribe: ({ url }, query, variables, next = () => undefined) => {
    const abort = new AbortController();
    const run = async (): Promise<void> => {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          authorization: AUTHORIZATION,
        },
        body: JSON.stringify({ query, variables }),
        signal: abort.signal,
      });
      let text = '';
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const events = (text + chunk).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) {
          if (/^event: complete/m.test(event)) return;
          const data = /^data: (.+)$/m.exec(event)?.[1];
          if (data !== undefined) next(JSON.parse(data) as Answer);
        }
      }
      throw new Error('the stream ended without a complete event');
    };
    const done = run();
    done.catch(() => undefined);
    return { done, leave: () => abort.abort() };
  },
};

export const TRANSPORTS: readonly Transport[] = [overWebSocket, overSse, overFetch];
