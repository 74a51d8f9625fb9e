import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JobService } from '../jobs/service.ts';
import { createEngine, type Engine } from './engine.ts';
import { sendAsset, sendPage, wantsPage } from './graphiql.ts';
import { decideIdentity } from './identity.ts';
import { foreignName, type NamePolicy } from './origin.ts';
import { serveWebSockets } from './web-socket.ts';

export interface ServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Names the server answers to besides the address it listens on. */
  readonly allowedHosts: readonly string[];
  readonly jobs: JobService;
  /** The admin token. */
  readonly token: string;
  readonly log: (line: string) => void;
}

export interface RunningServer {
  /** Of the GraphQL endpoint. */
  readonly url: string;
  /** Takes nothing new, completes every subscription, finishes the requests under way, and settles. */
  close(): Promise<void>;
}

/** Requests that are still being answered get this long once the server closes. */
const CLOSING_MS = 5000;
/** For the headers, and for the whole of a request; an answer may take as long as it likes. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;

/**
 * Serves the API over HTTP, SSE and WebSocket at /graphql, GraphiQL there for browsers, and /health.
 *
 * @throws Error when it cannot listen
 */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { listen, token, jobs, log } = options;
  const policy: NamePolicy = { host: listen.host, allowedHosts: options.allowedHosts };
  const engine = createEngine({ jobs, log });
  const http = createServer((request, response) => handle(request, response, { engine, policy, token }));
  http.headersTimeout = HEADERS_MS;
  http.requestTimeout = REQUEST_MS;
  const closeWebSockets = serveWebSockets(http, {
    engine,
    token,
    refuse: ({ headers }) => foreignName(headers, policy),
  });
  await listening(http, listen);
  return {
    url: `http://${authority(http.address() as AddressInfo)}/graphql`,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
      await closeWebSockets();
      // What streams over SSE ends with its source.
      await jobs.complete();
      http.closeIdleConnections();
      const timer = setTimeout(() => http.closeAllConnections(), CLOSING_MS);
      await closed;
      clearTimeout(timer);
    },
  };
};

const listening = (http: Server, { host, port }: ServerOptions['listen']): Promise<void> =>
  new Promise((resolve, reject) => {
    http.once('error', (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    http.listen(port, host, () => resolve());
  });

const authority = ({ address, family, port }: AddressInfo): string =>
  family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;

interface Door {
  readonly engine: Engine;
  readonly policy: NamePolicy;
  readonly token: string;
}

const handle = (request: IncomingMessage, response: ServerResponse, door: Door): void => {
  const foreign = foreignName(request.headers, door.policy);
  const [path = ''] = (request.url ?? '').split('?');
  if (foreign !== undefined) refuse(response, 403, 'FORBIDDEN', foreign);
  else if (path === '/health') sendJson(response, 200, { status: 'ok' });
  else if (path === '/') response.writeHead(302, { Location: '/graphql' }).end();
  else if (path === '/graphql' && wantsPage(request)) sendPage(request, response);
  else if (path === '/graphql') serveGraphql(request, response, door);
  else if (!sendAsset(path, request, response)) refuse(response, 404, 'NOT_FOUND', `${path}: no such path`);
};

const serveGraphql = (request: IncomingMessage, response: ServerResponse, { engine, token }: Door): void => {
  const identity = decideIdentity(request.headers.authorization, token);
  // Before the body is read: a stranger cannot make the server take in megabytes.
  if (identity === null) {
    response.setHeader('WWW-Authenticate', 'Bearer');
    const message = 'authorization: expected "Bearer <token>" with a token of this server';
    refuse(response, 401, 'UNAUTHENTICATED', message);
  } else if (request.method === 'POST' && !isJson(request))
    refuse(response, 415, 'UNSUPPORTED_MEDIA_TYPE', 'content-type: expected application/json');
  else void engine(request, response, { identity });
};

const isJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');

/** Refuses a request with an error in the form of a GraphQL answer. */
const refuse = (response: ServerResponse, status: number, code: string, message: string): void => {
  // The body was not read: the connection cannot be used again.
  response.setHeader('Connection', 'close');
  sendJson(response, status, { errors: [{ message, extensions: { code } }] });
};

const sendJson = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(text);
};
