/** The HTTP server: listens, serves every transport, and closes in order. */

import {
  createServer,
  type ServerOptions as HttpOptions,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { ArtifactLinks } from '../access/artifact-links.ts';
import { ArtifactReaders } from '../access/artifact-readers.ts';
import type { Audit } from '../access/audit.ts';
import { auditedArtifacts, auditedFiles, auditedImages } from '../access/audited.ts';
import { AuthorizedFiles } from '../access/authorized-files.ts';
import { AuthorizedImages } from '../access/authorized-images.ts';
import { AuthorizedJobs } from '../access/authorized-jobs.ts';
import type { LinkKeySource } from '../access/link-signer.ts';
import type { Quotas } from '../access/quotas.ts';
import type { Rights } from '../access/rights.ts';
import type { Shares } from '../access/shares.ts';
import type { Tokens } from '../access/tokens.ts';
import { Turns } from '../async/turns.ts';
import type { ImageService } from '../jobs/images.ts';
import type { JobService } from '../jobs/service.ts';
import type { FileService } from '../jobs/uploads.ts';
import type { Log } from '../log.ts';
import { Callers } from './callers.ts';
import { CONNECTION_LIMITS, type ConnectionLimits, Connections } from './connections.ts';
import { DocumentCache } from './document-cache.ts';
import { createEngine } from './engine.ts';
import { Incoming, MOST_INCOMING_BYTES } from './incoming.ts';
import { limitedLog } from './limited-log.ts';
import { listenOn } from './listen.ts';
import { listenLocally } from './local-socket.ts';
import { Observer, type Outcome, type Tracer } from './observer.ts';
import { Operations } from './operations.ts';
import type { Operator } from './operator.ts';
import { ambiguousHost, foreignName, type NamePolicy } from './origin.ts';
import { oneAfterAnother } from './pipeline.ts';
import { Proxies, type ProxySettings } from './proxies.ts';
import { handle, pathOf, type RequestContext, refuse } from './requests.ts';
import { RolesFile } from './roles-file.ts';
import { OF_A_TURN, Senders, weightOf } from './senders.ts';
import { STREAM_LIMITS, type StreamLimits, Streams } from './streams.ts';
import type { Tls, TlsSettings } from './tls.ts';
import {
  UnauthenticatedConnections,
  type UnauthenticatedLimits,
  unauthenticatedLimits,
} from './unauthenticated.ts';
import { MOST_UNREAD_BYTES, Unread } from './unread.ts';
import { type Refusal, serveWebSockets } from './web-socket.ts';
import { WrongTokens } from './wrong-tokens.ts';

/** Where the server listens, what it serves, and its limits. */
export interface ServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Path of a Unix socket to listen on as well. */
  readonly socketPath?: string;
  /** Names under which the server accepts requests, in addition to the address it listens on. */
  readonly allowedHosts: readonly string[];
  /** Origins of other sites whose pages may use the API. */
  readonly allowedOrigins?: readonly string[];
  /** A proxy that authenticates callers. */
  readonly proxy?: ProxySettings | undefined;
  /** A prefix of every path, which a proxy has not taken away: `/cloister`. */
  readonly basePath?: string;
  readonly jobs: JobService;
  readonly images: ImageService;
  readonly files: FileService;
  readonly linkKeys: LinkKeySource;
  readonly tokens: Tokens;
  readonly shares: Shares;
  /** Where others reach the server, with the base path; default: where a request says that it reached it. */
  readonly publicUrl?: string | undefined;
  /** Without it connections over TCP are not encrypted. */
  readonly tls?: TlsSettings | undefined;
  /** Path of a file with the roles of callers that authenticate without a token. */
  readonly rolesPath?: string | undefined;
  readonly quotas: Quotas;
  readonly audit: Audit;
  /** Says when callers are no longer accepted. */
  readonly rights: Rights;
  readonly log: Log;
  /** Milliseconds from which on an operation is logged as slow. Default: none is. */
  readonly slowMs?: number | null;
  /** Called with what became of each operation. */
  readonly onOutcome?: (outcome: Outcome) => void;
  /** Traces operations. Default: none is. */
  readonly tracer?: Tracer | undefined;
  /** What is answered at /readyz and /metrics. Default: neither exists. */
  readonly operator?: Operator;
  /** Where they differ from `STREAM_LIMITS` and `CONNECTION_LIMITS`. */
  readonly streams?: StreamLimits;
  readonly connections?: ConnectionLimits;
  /** Where they differ from `unauthenticatedLimits`. */
  readonly unauthenticated?: Partial<UnauthenticatedLimits>;
  /** Default: `MOST_UNREAD_BYTES`. */
  readonly mostUnreadBytes?: number;
  /** Default: `MOST_INCOMING_BYTES`. */
  readonly mostIncomingBytes?: number;
  /** Overrides of the defaults. */
  readonly timeouts?: Partial<Timeouts>;
}

/** A server that accepts connections. */
export interface RunningServer {
  readonly address: AddressInfo;
  /** Of the GraphQL endpoint. */
  readonly url: string;
  /** Its open connections. */
  readonly open: { readonly subscriptions: number; readonly connections: number };
  /** Accepts nothing new, completes every subscription, finishes the requests in progress, and settles. */
  close(): Promise<void>;
}

/** How long the server waits for clients. */
export interface Timeouts {
  /** For the headers of a request. */
  readonly headersMs: number;
  /** For a whole request, and between two pieces of an upload; the response may take any time. */
  readonly requestMs: number;
  /** For a WebSocket client to authenticate. */
  readonly unauthenticatedMs: number;
  /**
   * For the next request on a connection. Longer than proxies keep one that they use again (60 s of nginx and of load
   * balancers in clouds, 90 s of Traefik and Go, 120 s of Caddy): a request sent while the server closes its connection
   * is lost.
   */
  readonly idleMs: number;
  /** Between keep-alive bytes sent to a client whose answer is being made. */
  readonly slowAnswerMs: number;
  /** Between two pings of a WebSocket client. */
  readonly keepAliveMs: number;
  /** For requests in progress when the server closes. */
  readonly closingMs: number;
}

const TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 60_000,
  unauthenticatedMs: 10_000,
  idleMs: 130_000,
  slowAnswerMs: 15_000,
  keepAliveMs: 12_000,
  closingMs: 5000,
};

/**
 * Serves the API over HTTP, SSE and WebSocket at /graphql, GraphiQL there for browsers, /health, and what `Operator` has.
 *
 * @throws Error when it cannot listen
 */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { listen, tokens, shares, quotas, audit, rights, jobs, images, log } = options;
  const files = auditedFiles(new AuthorizedFiles(options.files, options.linkKeys), audit);
  const { basePath = '', allowedOrigins = [] } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const policy: NamePolicy = {
    host: listen.host,
    allowedHosts: options.allowedHosts,
    allowedOrigins,
    isNamed: (host) => tls?.isNamed(host) ?? false,
  };
  const { slowMs = null, onOutcome } = options;
  const observer = new Observer({
    log,
    slowMs,
    tracer: options.tracer,
    signInFailed: (source) => audit.signInFailed(source),
    ...(onOutcome && { onOutcome }),
  });
  const streams = new Streams(
    options.streams ?? STREAM_LIMITS,
    (subject) => quotas.of(subject).subscriptions,
  );
  const artifactLinks = new ArtifactLinks(options.linkKeys);
  const authorizedImages = auditedImages(new AuthorizedImages(images), audit);
  const artifacts = auditedArtifacts(
    new ArtifactReaders({
      jobs,
      authorized: new AuthorizedJobs(jobs, images, shares),
      links: artifactLinks,
    }),
    audit,
  );
  const operations = new Operations();
  const answering = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;
  const httpOptions: HttpOptions = {
    headersTimeout: timeouts.headersMs,
    // Only the bodies of uploads may take longer: see `limitBody`.
    requestTimeout: 0,
    keepAliveTimeout: timeouts.idleMs,
    connectionsCheckingInterval: timeouts.headersMs / 2,
    // Other upgrades, such as curl's h2c, are optional: such requests are answered over HTTP/1.1.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  };
  const roles = options.rolesPath === undefined ? undefined : await RolesFile.open(options.rolesPath, log);
  const tls =
    options.tls === undefined
      ? undefined
      : // What reads certificates takes 5 MB, and most listeners have none.
        await (await import('./tls.ts')).Tls.open({
          settings: options.tls,
          roles,
          rights,
          log,
          handshakeMs: timeouts.headersMs,
        });
  const http = listener(httpOptions, tls);
  const proxies = options.proxy && new Proxies(options.proxy, roles, rights);
  const wrongTokens = new WrongTokens();
  const callers = new Callers({ tokens, shares, tls, proxies, allowedOrigins });
  const limited = limitedLog(log);
  const { all, perSubject } = options.connections ?? CONNECTION_LIMITS;
  const unauthenticated = new UnauthenticatedConnections({
    ...unauthenticatedLimits(all),
    ...options.unauthenticated,
    closed: (count) =>
      limited(`a connection without a token was closed: there are more than ${count}`, {
        level: 'warn',
        code: 'TOO_MANY_CONNECTIONS',
      }),
  });
  const connections = new Connections(
    (subject) => quotas.of(subject).connections ?? perSubject,
    unauthenticated,
  );
  const services = { jobs, images, artifactLinks, files, tokens, shares, quotas, audit };
  const documents = new DocumentCache();
  const engine = createEngine({ ...services, log, streams, connections, observer, documents });
  const turns = new Turns(OF_A_TURN);
  const senders = new Senders(callers, connections);
  const unread = new Unread({
    mostBytes: options.mostUnreadBytes ?? MOST_UNREAD_BYTES,
    subject: (socket) => connections.subject(socket),
    log: limited,
  });
  const incoming = new Incoming({
    mostBytes: options.mostIncomingBytes ?? MOST_INCOMING_BYTES,
    log: limited,
  });
  // Before TLS as well: a handshake that is not completed is not authenticated.
  http.on('connection', (socket) => {
    turns.arrived();
    unauthenticated.add(socket);
  });
  http.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => unread.add(socket));
  http.maxConnections = all;
  http.on('drop', () =>
    limited(`a connection was refused: ${all} are open already`, {
      level: 'warn',
      code: 'TOO_MANY_CONNECTIONS',
    }),
  );
  const baseUrl = (request: IncomingMessage): string => {
    if (options.publicUrl !== undefined) return options.publicUrl;
    const scheme = tls === undefined ? 'http' : 'https';
    const { host } = request.headers;
    // Over the Unix socket there is no host.
    const isLocal = request.socket.remoteAddress === undefined || host === undefined;
    return `${scheme}://${isLocal ? authority(http.address() as AddressInfo) : host}${basePath}`;
  };
  const context: RequestContext = {
    engine,
    turns,
    documents,
    images: authorizedImages,
    artifacts,
    files,
    bodyMs: timeouts.requestMs,
    uploadSilenceMs: timeouts.requestMs,
    downloadSilenceMs: timeouts.requestMs,
    policy,
    callers,
    wrongTokens,
    baseUrl,
    rights,
    connections,
    unread,
    incoming,
    basePath,
    slowAnswerMs: timeouts.slowAnswerMs,
    log,
    observer,
    ...(options.operator && { operator: options.operator }),
  };
  const answer = oneAfterAnother((request, response) => {
    const over = operations.begin();
    answering.add(response);
    response.once('close', () => {
      answering.delete(response);
      over();
    });
    if (closing) refuse(response, 503, 'SHUTTING_DOWN', 'the server is shutting down');
    else
      turns.start(senders.of(request), weightOf(Number(request.headers['content-length'] ?? 0)), () => {
        if (!response.destroyed) handle(request, response, context);
      });
  });
  http.on('request', answer);
  const closeWebSockets = serveWebSockets(http, {
    engine,
    callers,
    wrongTokens,
    baseUrl,
    rights,
    connections,
    incoming,
    operations,
    observer,
    turns,
    senders,
    log,
    unauthenticatedMs: timeouts.unauthenticatedMs,
    keepAliveMs: timeouts.keepAliveMs,
    closing: () => closing !== undefined,
    refuse: (request): Refusal | undefined => {
      if (closing) return { status: 503, reason: 'the server is shutting down' };
      const ambiguous = ambiguousHost(request);
      if (ambiguous !== undefined) return { status: 400, reason: ambiguous };
      const foreign = foreignName(request.headers, policy);
      if (foreign !== undefined) return { status: 403, reason: foreign };
      const unknown = callers.refusalOn(request);
      if (unknown !== undefined) return { status: 401, reason: unknown };
      return pathOf(request, basePath) === '/graphql' ? undefined : { status: 404, reason: 'no such path' };
    },
  });
  await listenOn(http, listen);
  const closeLocal =
    options.socketPath === undefined
      ? undefined
      : await listenLocally(
          http,
          options.socketPath,
          log,
          tls === undefined ? 'connection' : 'secureConnection',
        );
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      http.close(() => resolve());
    });
    for (const response of answering) closeAfter(response);
    const closedLocal = closeLocal?.();
    await jobs.complete();
    await operations.settled(timeouts.closingMs);
    await closeWebSockets();
    http.closeAllConnections();
    await Promise.all([closed, closedLocal]);
    unread.close();
    tls?.close();
    roles?.close();
  };
  // The server listens on a TCP port, so the address has this type.
  const address = http.address() as AddressInfo;
  return {
    address,
    url: `${tls === undefined ? 'http' : 'https'}://${authority(address)}${basePath}/graphql`,
    get open() {
      return { subscriptions: streams.size, connections: connections.size };
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
};

/** The server that listens, over TLS or without. */
const listener = (options: HttpOptions, tls: Tls | undefined): Server => {
  if (tls === undefined) return createServer(options);
  const server = createHttpsServer({ ...options, ...tls.serverOptions });
  tls.attach(server);
  return server;
};

/** Closes a connection after its current response, and announces that if the headers have not been sent yet. */
const closeAfter = (response: ServerResponse): void => {
  if (!response.headersSent) response.setHeader('Connection', 'close');
  else response.once('finish', () => response.socket?.end());
};

/** Where a client on this machine finds an address; a socket that listens everywhere is reached over loopback. */
const authority = ({ address, family, port }: AddressInfo): string =>
  family === 'IPv6'
    ? `[${address === '::' ? '::1' : address}]:${port}`
    : `${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`;
