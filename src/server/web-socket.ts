import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Identity } from '../jobs/service.ts';
import { unauthenticated } from '../resolvers/errors.ts';
import type { Engine } from './engine.ts';
import { decideIdentity } from './identity.ts';

export interface WebSocketOptions {
  readonly engine: Engine;
  readonly token: string;
  /** Why an upgrade is refused, or `undefined`. */
  readonly refuse: (request: IncomingMessage) => string | undefined;
}

/** Bytes of one message. */
const LARGEST_MESSAGE = 1024 * 1024;
const MOST_FRAGMENTS = 64;
const MOST_SOCKETS = 20_000;
const MOST_SUBSCRIPTIONS = 100;
/** A client that does not say who it is has this long to do so. */
const STRANGER_MS = 10_000;
const KEEP_ALIVE_MS = 12_000;

interface Extra {
  identity: Identity | null;
  [key: PropertyKey]: unknown;
}

/**
 * Serves the graphql-transport-ws protocol at /graphql, on the upgrades of an HTTP server.
 *
 * @returns what ends it: every subscription completes and its socket is closed
 */
export const serveWebSockets = (http: Server, options: WebSocketOptions): (() => Promise<void>) => {
  const { engine, token, refuse } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    maxFragments: MOST_FRAGMENTS,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has(PROTOCOL) ? PROTOCOL : false),
  });
  const protocol = useServer<Record<string, unknown>, Extra>(
    {
      // Details of an error never reach a client by the closing of its socket.
      execute: (args: unknown) => (args as Prepared).rootValue.execute(args as Prepared),
      subscribe: (args: unknown) => (args as Prepared).rootValue.subscribe(args as Prepared),
      onConnect: ({ connectionParams, extra }) => {
        extra.identity = decideIdentity(connectionParams?.['authorization'], token);
        if (extra.identity !== null) return true;
        // Its operations are refused one by one, which tells more than a closed socket.
        const timer = setTimeout(() => extra.socket.close(4403, 'Forbidden'), STRANGER_MS);
        extra.socket.once('close', () => clearTimeout(timer));
        return true;
      },
      onSubscribe: async ({ extra, subscriptions }, _id, { query, operationName, variables }) => {
        const identity = extra.identity ?? null;
        if (identity === null) return [unauthenticated()];
        if (Object.keys(subscriptions).length > MOST_SUBSCRIPTIONS) return [tooMany()];
        const enveloped = engine.getEnveloped({
          identity,
          req: extra.request,
          params: { query, operationName, variables },
        });
        const { schema, execute, subscribe, contextFactory, parse, validate } = enveloped;
        try {
          const document = parse(query);
          const errors = validate(schema, document);
          if (errors.length > 0) return errors;
          return {
            schema,
            operationName,
            document,
            variableValues: variables,
            contextValue: await contextFactory(),
            rootValue: { execute, subscribe },
          };
        } catch (error) {
          if (error instanceof GraphQLError) return [error];
          throw error;
        }
      },
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  http.on('upgrade', (request, socket, head) => {
    const [path] = (request.url ?? '').split('?');
    const reason = path === '/graphql' ? refuse(request) : 'not found';
    if (reason !== undefined) return reject(socket, path === '/graphql' ? 403 : 404, reason);
    if (sockets.clients.size >= MOST_SOCKETS) return reject(socket, 503, 'too many connections');
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request));
  });
  return async () => {
    await protocol.dispose();
    for (const client of sockets.clients) client.terminate();
    sockets.close();
  };
};

const PROTOCOL = 'graphql-transport-ws';

type Prepared = ExecutionArgs & {
  readonly rootValue: Pick<ReturnType<Engine['getEnveloped']>, 'execute' | 'subscribe'>;
};

const tooMany = (): GraphQLError =>
  new GraphQLError(`subscriptions: expected at most ${MOST_SUBSCRIPTIONS} on one connection`, {
    extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' },
  });

const STATUS = { 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' } as const;

const reject = (socket: Duplex, status: keyof typeof STATUS, reason: string): void => {
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
  );
};
