/** The graphql-transport-ws protocol: authentication, operations and their end. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
} from 'graphql';
import { CloseCode, makeServer, type Server } from 'graphql-ws';
import { isAsyncIterable } from 'graphql-yoga';
import { WebSocket } from 'ws';
import type { Rights } from '../access/rights.ts';
import { through } from '../async/through.ts';
import type { Turns } from '../async/turns.ts';
import type { Identity } from '../jobs/service.ts';
import { codedError, unauthenticated } from '../resolvers/errors.ts';
import { type Callers, ENDING_MS } from './callers.ts';
import type { Connections } from './connections.ts';
import type { Engine } from './engine.ts';
import { textOf } from './event-text.ts';
import { Inbox } from './inbox.ts';
import { type Observer, sourceOf, traceOf } from './observer.ts';
import type { Operations } from './operations.ts';
import { requestIdOf } from './request-id.ts';
import { ofCaller, ofUnauthenticated, weightOf } from './senders.ts';
import { type MessageText, writeText } from './text-frames.ts';
import type { WrongTokens } from './wrong-tokens.ts';

/** What operations over WebSocket are executed with. */
export interface ProtocolOptions {
  readonly engine: Engine;
  readonly callers: Callers;
  readonly wrongTokens: WrongTokens;
  /** The URL under which the sender of a request reaches the server, without a slash at its end. */
  readonly baseUrl: (request: IncomingMessage) => string;
  readonly rights: Rights;
  readonly connections: Connections;
  /** Observes failed sign-ins. */
  readonly observer: Observer;
  /** Counts the operations in progress. */
  readonly operations: Operations;
  /** Milliseconds after which a client that has not authenticated is disconnected. */
  readonly unauthenticatedMs: number;
  /** Whether the server has stopped accepting operations. */
  readonly closing: () => boolean;
}

const MOST_SUBSCRIPTIONS = 100;
/** Characters of the id of an operation: each of its answers repeats it. */
const LONGEST_ID_CHARACTERS = 256;
/** A client with more unread bytes of responses than this is disconnected. */
const MOST_UNREAD_BYTES = 64 * 1024 * 1024;

/** RFC 6455 section 7.4.1. */
export const GOING_AWAY = 1001;
/** From the registry of that section. */
const TRY_AGAIN_LATER = 1013;

/** The state of one client. */
export class Client {
  readonly socket: WebSocket;
  readonly connection: Duplex;
  readonly inbox: Inbox;
  /** The handshake. */
  readonly request: IncomingMessage;
  identity: Identity | null = null;
  /** For each operation, by the message that started it (ids may be reused): a function to call when it has ended. */
  readonly running = new Map<object, () => void>();
  /** Aborted, with the reason, when the caller is no longer accepted. */
  readonly ended = new AbortController();

  /**
   * @param handle takes a message of the client
   * @param turns in which its messages are taken
   */
  constructor(
    { socket, connection, request }: Pick<Client, 'socket' | 'connection' | 'request'>,
    handle: (message: string) => void,
    turns: Turns,
  ) {
    this.socket = socket;
    this.connection = connection;
    this.request = request;
    this.inbox = new Inbox(socket, handle, (message) =>
      turns.next(
        this.identity === null ? ofUnauthenticated(request) : ofCaller(this.identity),
        weightOf(message.length),
      ),
    );
    socket.once('close', () => {
      for (const end of this.running.values()) end();
    });
  }

  /**
   * Sends a message and resolves when it was passed to the kernel. To a client that has gone it does not until its
   * connection is closed, so that nobody continues at full speed.
   */
  send(message: string | MessageText): Promise<void> {
    const { socket, connection, inbox } = this;
    return new Promise((resolve) => {
      const gone = (): void => {
        if (socket.readyState === WebSocket.CLOSED) resolve();
        else socket.once('close', () => resolve());
      };
      if (socket.readyState !== WebSocket.OPEN) return gone();
      if (socket.bufferedAmount > MOST_UNREAD_BYTES) socket.terminate();
      const sent = (error?: Error | null): void => {
        inbox.sent();
        if (error) gone();
        else resolve();
      };
      if (typeof message === 'string') socket.send(message, sent);
      else writeText(connection, message, sent);
    });
  }

  /**
   * Ends everything when the caller is no longer accepted, after the response to the operation that revoked its access.
   */
  refuse(why: string): void {
    this.identity = null;
    this.ended.abort(why);
    const close = (): void => this.socket.close(CloseCode.Forbidden, why);
    const timer = setTimeout(close, ENDING_MS);
    this.socket.once('close', () => clearTimeout(timer));
    this.inbox.idle().then(close);
  }

  /**
   * An operation has ended, by itself or because the client ended it.
   *
   * @param payload the message that started it
   */
  end(payload: object): void {
    this.running.get(payload)?.();
    this.running.delete(payload);
    this.inbox.end(payload);
  }
}

/** The graphql-transport-ws protocol, on the same engine as HTTP. */
export const createProtocol = (options: ProtocolOptions): Server<Client> => {
  const {
    engine,
    callers,
    wrongTokens,
    baseUrl,
    rights,
    connections,
    operations,
    unauthenticatedMs,
    closing,
    observer,
  } = options;
  return makeServer<Record<string, unknown>, Client>({
    connectionInitWaitTimeout: unauthenticatedMs,
    execute: (args: unknown) => (args as Prepared).rootValue.execute(args as Prepared),
    subscribe: (args: unknown) => (args as Prepared).rootValue.subscribe(args as Prepared),
    onConnect: ({ connectionParams, extra: client }) => {
      const { request } = client;
      const authorization = connectionParams?.['authorization'] ?? request.headers.authorization;
      client.identity = callers.decide(request, authorization).identity;
      if (client.identity !== null) {
        const refusal = connections.claim(client.connection, client.identity.subject);
        if (refusal !== undefined) client.socket.close(TRY_AGAIN_LATER, refusal.message);
        client.socket.once(
          'close',
          rights.onEnd(client.identity, (why) => client.refuse(why)),
        );
        return true;
      }
      observer.signInFailed(client.request);
      // Its operations are refused one by one, which is more informative than a closed socket.
      const timer = setTimeout(
        () => client.socket.close(CloseCode.Forbidden, 'Forbidden'),
        unauthenticatedMs,
      );
      client.socket.once('close', () => clearTimeout(timer));
      const delayMs = authorization === undefined ? 0 : wrongTokens.delayMs(request.socket.remoteAddress);
      return delayMs === 0 ? true : delay(delayMs, true, { ref: false });
    },
    onSubscribe: async ({ extra: client, subscriptions }, id, payload) => {
      const { identity, socket } = client;
      client.inbox.begin(payload);
      if (identity === null) return [unauthenticated()];
      if (id.length > LONGEST_ID_CHARACTERS) return [longId(id)];
      if (Object.keys(subscriptions).length > MOST_SUBSCRIPTIONS) return [tooMany()];
      if (closing()) {
        // After this a client reconnects, which it would not do after the error alone.
        socket.close(GOING_AWAY);
        return [shuttingDown()];
      }
      const { query, operationName, variables, extensions } = payload;
      const params = { query, operationName, variables, extensions };
      const over = new AbortController();
      const { schema, execute, subscribe, contextFactory, parse, validate } = engine.getEnveloped({
        identity,
        params,
        over: over.signal,
        ended: client.ended.signal,
        takesTexts: true,
        baseUrl: baseUrl(client.request),
        requestId: requestIdOf(undefined),
        source: sourceOf(client.request),
        // The trace of the operation if the client names one, otherwise that of the connection.
        trace: traceOf(extensions?.['traceparent'] === undefined ? client.request.headers : extensions),
      });
      try {
        const document = parse(query);
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
        if (!getOperationAST(document, operationName)) return [noOperation()];
        const contextValue = await contextFactory();
        const end = operations.begin();
        client.running.set(payload, () => {
          over.abort();
          end();
        });
        return {
          schema,
          operationName,
          document,
          variableValues: variables,
          contextValue,
          rootValue: { execute, subscribe },
        };
      } catch (error) {
        if (error instanceof GraphQLError) return [error];
        throw error;
      }
    },
    onOperation: ({ extra: client }, id, payload, _args, result) => {
      if (!isAsyncIterable(result)) return;
      client.inbox.end(payload);
      return sendTexts(result as AsyncIterable<ExecutionResult>, id, client);
    },
    onNext: (_context, _id, _payload, _args, result) =>
      result.errors && ({ ...result, errors: result.errors.map(withoutStatus) } as FormattedExecutionResult),
    onError: ({ extra: client }, _id, payload, errors) => {
      client.end(payload);
      return errors.map(withoutStatus);
    },
    onComplete: ({ extra: client }, _id, payload) => client.end(payload),
  });
};

/** Sends the results that are texts; passes the others on to the protocol, which sends them. */
const sendTexts = (
  results: AsyncIterable<ExecutionResult>,
  id: string,
  client: Client,
): AsyncIterableIterator<ExecutionResult, undefined> => {
  const before = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const source = results[Symbol.asyncIterator]();
  return through(source, async () => {
    for (;;) {
      const result = await source.next();
      if (result.done === true) return { done: true, value: undefined };
      const shared = textOf(result.value);
      if (shared === undefined) return result;
      await client.send({ before, shared, after: '}' });
    }
  });
};

type Prepared = ExecutionArgs & {
  readonly rootValue: Pick<ReturnType<Engine['getEnveloped']>, 'execute' | 'subscribe'>;
};

/** What a client may see of an error: the engine notes with some which status an answer over HTTP has. */
const withoutStatus = (error: GraphQLError): GraphQLFormattedError => {
  const { extensions, ...rest } = error.toJSON();
  const { http: _http, ...own } = extensions ?? {};
  return { ...rest, extensions: own };
};

/** As over HTTP. */
const noOperation = (): GraphQLError =>
  codedError('OPERATION_RESOLUTION_FAILURE', 'Could not determine what operation to execute.');

const tooMany = (): GraphQLError =>
  codedError(
    'TOO_MANY_SUBSCRIPTIONS',
    `subscriptions: expected at most ${MOST_SUBSCRIPTIONS} on one connection`,
  );

const longId = (id: string): GraphQLError =>
  codedError('BAD_REQUEST', `id: expected at most ${LONGEST_ID_CHARACTERS} characters, got ${id.length}`);

const shuttingDown = (): GraphQLError => codedError('SHUTTING_DOWN', 'the server is shutting down');
