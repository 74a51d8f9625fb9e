/** Routes HTTP requests. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ArtifactReaders, linkHolder } from '../access/artifact-readers.ts';
import type { AuthorizedFiles } from '../access/authorized-files.ts';
import type { Rights } from '../access/rights.ts';
import type { Turns } from '../async/turns.ts';
import { hasErrno } from '../errno.ts';
import { ClientError } from '../jobs/errors.ts';
import type { ImageService } from '../jobs/images.ts';
import type { Identity, OpenArtifact } from '../jobs/service.ts';
import { BrokenUpload } from '../jobs/uploads.ts';
import type { Log } from '../log.ts';
import type { ErrorCode } from '../resolvers/error-codes.ts';
import { noLongerAuthenticated } from '../resolvers/errors.ts';
import { type Callers, ENDING_MS } from './callers.ts';
import type { Connections } from './connections.ts';
import { answerOrigin } from './cross-origin.ts';
import type { DocumentCache } from './document-cache.ts';
import { type ArtifactPath, artifactPath, sendArtifact } from './download.ts';
import type { Caller, Engine } from './engine.ts';
import { answerFast, isFast } from './fast-path.ts';
import { answerFile, type FileContext, isFilePath, sayOffset, ticketOf } from './files.ts';
import { isAssetPath, isSharePath, sendAsset, sendPage, sendSharePage, wantsPage } from './graphiql.ts';
import type { Incoming, Sent } from './incoming.ts';
import { ANSWERS, accepts, listed, mediaRanges } from './media-types.ts';
import { type Observer, sourceOf, traceOf } from './observer.ts';
import { answerHealth, answerMetrics, type Operator } from './operator.ts';
import { ambiguousHost, foreignName, type NamePolicy } from './origin.ts';
import { REQUEST_ID, requestIdOf } from './request-id.ts';
import { retryAfter } from './retry-after.ts';
import { sendJson, sendLastJson } from './send.ts';
import { ofUnauthenticated } from './senders.ts';
import { sendSlowly } from './slow-answer.ts';
import type { Unread } from './unread.ts';
import { isImagePath, receiveImage } from './upload.ts';
import type { WrongTokens } from './wrong-tokens.ts';

/** What is needed to answer a request. */
export interface RequestContext {
  readonly engine: Engine;
  /** In which turns of the event loop wrong tokens are answered. */
  readonly turns: Turns;
  /** Those that the engine has parsed and found valid. */
  readonly documents: DocumentCache;
  readonly images: ImageService;
  readonly artifacts: ArtifactReaders;
  readonly files: AuthorizedFiles;
  /** Milliseconds in which the body of any other request has to arrive. */
  readonly bodyMs: number;
  /** Milliseconds in which something of an upload has to arrive. */
  readonly uploadSilenceMs: number;
  /** Milliseconds in which something of a download has to be taken. */
  readonly downloadSilenceMs: number;
  readonly policy: NamePolicy;
  readonly callers: Callers;
  readonly wrongTokens: WrongTokens;
  /** Where the sender of a request reaches the server, without a slash at its end. */
  readonly baseUrl: (request: IncomingMessage) => string;
  readonly rights: Rights;
  readonly connections: Connections;
  readonly unread: Unread;
  readonly incoming: Incoming;
  /** The prefix of every path, without a slash at its end; empty for none. */
  readonly basePath: string;
  /** How often something is sent to a client whose answer is being made. */
  readonly slowAnswerMs: number;
  readonly log: Log;
  readonly observer: Observer;
  readonly operator?: Operator;
}

/** The path of a request below the base path, without the query string; one without the base path is left as it is. */
export const pathOf = ({ url = '' }: IncomingMessage, basePath: string): string => {
  const path = url.split('?')[0] ?? '';
  return basePath !== '' && (path === basePath || path.startsWith(`${basePath}/`))
    ? path.slice(basePath.length)
    : path;
};

/** Answers a request, or refuses it. */
export const handle = (request: IncomingMessage, response: ServerResponse, context: RequestContext): void => {
  const ambiguous = ambiguousHost(request);
  const foreign = foreignName(request.headers, context.policy);
  const path = pathOf(request, context.basePath);
  const artifact = artifactPath(path);
  const { operator } = context;
  response.setHeader(REQUEST_ID, requestIdOf(request.headers[REQUEST_ID]));
  const refuse = refusing(request, response, context);
  if (!isImagePath(path) && !isFilePath(path)) limitBody(request, response, context.bodyMs);
  if (ambiguous !== undefined) refuse(400, 'BAD_REQUEST', ambiguous);
  else if (foreign !== undefined) refuse(403, 'FORBIDDEN', foreign);
  else if (answerOrigin(request, response, context.policy.allowedOrigins ?? [])) return;
  else if (path === '/health') sendJson(response, 200, { status: 'ok' });
  else if (operator !== undefined && OPERATOR_PATHS.includes(path))
    finish(serveOperator(path, request, response, { ...context, operator }), response, context);
  // Relative, so that it is right after a proxy has taken a prefix away.
  else if (path === '/') response.writeHead(302, { Location: 'graphql' }).end();
  else if (path === '') response.writeHead(302, { Location: `${context.basePath}/graphql` }).end();
  else if (isImagePath(path)) finish(serveImage(path, request, response, context), response, context);
  else if (isFilePath(path)) finish(serveFile(path, request, response, context), response, context);
  else if (artifact !== undefined)
    finish(serveArtifact(artifact, request, response, context), response, context);
  else if (path === '/graphql' && wantsPage(request)) finish(sendPage(request, response), response, context);
  else if (isSharePath(path) && wantsPage(request))
    finish(sendSharePage(request, response), response, context);
  else if (path === '/graphql') serveGraphql(request, response, context);
  else if (isAssetPath(path)) finish(serveAsset(path, request, response, refuse), response, context);
  else notFound(path, refuse);
};

/** As `requestTimeout` of Node.js, which has no exception for uploads. */
const limitBody = (request: IncomingMessage, response: ServerResponse, ms: number): void => {
  const timer = setTimeout(() => {
    if (request.complete) return;
    if (response.headersSent) request.socket.destroy();
    else request.socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
  }, ms);
  request.once('end', () => clearTimeout(timer));
  response.once('close', () => clearTimeout(timer));
};

const OPERATOR_PATHS: readonly string[] = ['/healthz', '/readyz', '/metrics'];

/** Metrics are for admins: they show the activity of all callers. */
const serveOperator = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext & { readonly operator: Operator },
): Promise<void> => {
  const { operator } = context;
  if (path !== '/metrics') return answerHealth(path, response, operator);
  const identity = admit(request, response, context);
  if (identity === undefined) return;
  if (identity.role === 'ADMIN') await answerMetrics(response, operator.metrics);
  else refusing(request, response, context)(403, 'FORBIDDEN', `role: expected ADMIN, got ${identity.role}`);
};

/** Archives of images are too large for GraphQL. */
const serveImage = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
): Promise<void> => {
  const identity = uploader(request, response, context, ['PUT']);
  if (identity === undefined) return;
  const { images, uploadSilenceMs: silenceMs } = context;
  const caller = { ...identity, source: sourceOf(request) };
  await upload('an image was not added', identity.subject, request, response, context, () =>
    receiveImage(path, request, response, { images, identity: caller, silenceMs }),
  );
};

/** And so are files of jobs. A link that `createUpload` made takes the place of a token. */
const serveFile = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
): Promise<void> => {
  const { files, uploadSilenceMs: silenceMs } = context;
  let from: FileContext['from'] | undefined;
  try {
    from = ticketOf(path, request, files);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return refusing(request, response, context)(403, error.code, error.message);
  }
  from ??= uploader(request, response, context, ['PUT', 'HEAD']);
  if (from === undefined) return;
  const own: FileContext = { files, from, source: sourceOf(request), silenceMs };
  await upload('a file was not taken in', from.subject, request, response, context, async () => {
    try {
      await answerFile(path, request, response, own);
    } catch (error) {
      // Where it can be continued.
      if (error instanceof ClientError && error.field === 'content-range')
        await sayOffset(path, response, own);
      throw error;
    }
  });
};

/** Who uploads; `undefined`: the request was refused. */
const uploader = (
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
  methods: readonly string[],
): Identity | undefined => {
  const identity = admit(request, response, context);
  if (identity === undefined || methods.includes(request.method ?? '')) return identity;
  const refuse = refusing(request, response, context);
  refuse(405, 'BAD_REQUEST', `method: expected ${methods.join(' or ')}, got ${request.method}`);
  return undefined;
};

/**
 * Answers an upload, or refuses it.
 *
 * @param failure logs that the upload was refused, broken off or has failed
 */
const upload = async (
  failure: string,
  subject: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
  answer: () => Promise<void>,
): Promise<void> => {
  const refuse = refusing(request, response, context);
  try {
    await answer();
  } catch (error) {
    if (error instanceof BrokenUpload) {
      context.log(`${failure}: ${error.message}`, { level: 'warn', subject });
      response.destroy();
    } else if (error instanceof ClientError) {
      refuse(statusOf(error), error.code, error.message, error.details);
    } else {
      context.log(`${failure}: ${error instanceof Error ? error.stack : error}`, { level: 'error' });
      refuse(500, 'INTERNAL_SERVER_ERROR', 'an unexpected fault of the server: its log has the details');
    }
  }
};

/** A caller who may not see a job gets the answer for a job that does not exist. */
const serveArtifact = async (
  path: ArtifactPath,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
): Promise<void> => {
  const refuse = refusing(request, response, context);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(405, 'BAD_REQUEST', `method: expected GET or HEAD, got ${request.method}`);
  try {
    const open = await openArtifact(path, request, response, context);
    if (open === undefined) return;
    try {
      const busy = context.connections.claim(request.socket, open.owner);
      if (busy !== undefined) return refuse(429, 'TOO_MANY_CONNECTIONS', busy.message, busy.extensions);
      await sendArtifact(request, response, open, context.downloadSilenceMs);
    } finally {
      await open.content.close();
    }
  } catch (error) {
    if (error instanceof ClientError && (error.code === 'NOT_FOUND' || error.code === 'FORBIDDEN'))
      refuse(error.code === 'FORBIDDEN' ? 403 : 404, error.code, error.message);
    // The client has disconnected, or reads nothing more.
    else if (!isClosed(error)) throw error;
  }
};

/** @returns `undefined` when the request was refused */
const openArtifact = async (
  { jobId, name }: ArtifactPath,
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
): Promise<OpenArtifact | undefined> => {
  const query = new URLSearchParams(request.url?.split('?')[1]);
  const [expires, signature] = [query.get('expires'), query.get('signature')];
  if (expires !== null && signature !== null) {
    const { artifacts } = context;
    const link = artifacts.openLink(jobId, name, { expires, signature });
    return artifacts.byLink(linkHolder(sourceOf(request)), link);
  }
  const identity = admit(request, response, context);
  if (identity === undefined) return undefined;
  // A download ends with the right to it.
  lifeOf(response, identity, context);
  return context.artifacts.byCaller({ ...identity, source: sourceOf(request) }, jobId, name);
};

const isClosed = (error: unknown): boolean =>
  hasErrno(error, 'ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ECONNRESET');

const statusOf = ({ code, field }: ClientError): number => {
  if (code === 'FORBIDDEN') return 403;
  if (code === 'UNAVAILABLE') return 409;
  if (code.endsWith('_FULL') || code === 'QUOTA_EXCEEDED') return 507;
  return field === 'content-range' ? 416 : 400;
};

const serveAsset = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  refuse: Refuse,
): Promise<void> => {
  if (!(await sendAsset(path, request, response))) notFound(path, refuse);
};

const notFound = (path: string, refuse: Refuse): void => refuse(404, 'NOT_FOUND', `${path}: no such path`);

const finish = (answer: Promise<void>, response: ServerResponse, { log }: RequestContext): void => {
  answer.catch((error: Error) => {
    log(`request failed: ${error.stack}`, { level: 'error' });
    response.destroy();
  });
};

const serveGraphql = (request: IncomingMessage, response: ServerResponse, context: RequestContext): void => {
  const { engine, slowAnswerMs, log } = context;
  const { headers } = request;
  // Before the body is read: a caller without a token cannot make the server read megabytes.
  const identity = admit(request, response, context);
  if (identity === undefined) return;
  const ranges = mediaRanges(headers.accept);
  const refuse = refusing(request, response, context);
  if (request.method === 'POST' && !isJson(request))
    refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'content-type: expected application/json');
  // Before the operation is executed: its result could not be returned.
  else if (!accepts(ranges, ANSWERS)) {
    const message = `accept: expected ${listed(ANSWERS)}, got ${JSON.stringify(headers.accept)}`;
    refuse(406, 'NOT_ACCEPTABLE', message);
  } else if (!isTaken(request, response, identity, context, refuse)) return;
  else {
    // The engine knows no base path, and compares media types case-sensitively.
    request.url = `/graphql${/\?.*/.exec(request.url ?? '')?.[0] ?? ''}`;
    headers.accept = ranges.join(', ');
    if (request.method === 'POST') headers['content-type'] = 'application/json';
    const caller: Caller = {
      identity,
      ...lifeOf(response, identity, context),
      baseUrl: context.baseUrl(request),
      requestId: String(response.getHeader(REQUEST_ID)),
      source: sourceOf(request),
      trace: traceOf(headers),
      hold: (bytes) => context.unread.hold(request.socket, bytes),
    };
    const failed = (error: Error): void => {
      log(`request failed: ${error.stack}`, { level: 'error' });
      response.destroy();
    };
    const sending = { ranges, intervalMs: slowAnswerMs };
    if (isFast(request, ranges))
      answerFast(request, response, { engine, documents: context.documents, caller, failed, ...sending });
    else {
      const answer = engine.handleNodeRequestAndResponse(request, response, caller);
      sendSlowly(answer, request, response, sending).catch(failed);
    }
  }
};

/** Bytes of a body that are not worth counting. */
const SMALL_BODY_BYTES = 4096;

/**
 * Counts the body of a request until it is answered: its values are needed until then.
 *
 * @returns false: it was refused
 */
const isTaken = (
  request: IncomingMessage,
  response: ServerResponse,
  { subject }: Identity,
  { incoming }: RequestContext,
  refuse: Refuse,
): boolean => {
  if (request.method !== 'POST') return true;
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  const declared = Number(length ?? 0);
  if (coding === undefined && declared <= SMALL_BODY_BYTES) return true;
  const refusal = incoming.refusal(subject, declared);
  if (refusal !== undefined) {
    refuse(429, 'TOO_MANY_BYTES', refusal.message, refusal.extensions);
    return false;
  }
  const sent: Sent = { subject, close: () => request.socket.destroy() };
  response.once('close', () => incoming.end(sent));
  if (coding === undefined) incoming.count(sent, declared);
  else countAsItArrives(request, (bytes) => incoming.count(sent, bytes));
  return true;
};

/** Reports each chunk of a body whose length is not known. */
const countAsItArrives = (request: IncomingMessage, count: (bytes: number) => void): void => {
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk !== null) count(chunk.length);
    return push(chunk, encoding);
  };
};

/**
 * Identifies the caller of a request on any path: without a token it is refused, and many wrong ones are answered
 * slowly.
 *
 * @returns `undefined`: the request was refused, or will be
 */
const admit = (
  request: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
): Identity | undefined => {
  const { identity, refusal } = context.callers.decide(request);
  const refuse = refusing(request, response, context);
  if (identity === null) {
    response.setHeader('WWW-Authenticate', 'Bearer');
    refuseSlowly(request, response, context, () => refuse(401, 'UNAUTHENTICATED', refusal));
    return undefined;
  }
  const busy = context.connections.claim(request.socket, identity.subject);
  if (busy === undefined) return identity;
  refuse(429, 'TOO_MANY_CONNECTIONS', busy.message, busy.extensions);
  return undefined;
};

/** A client that sends many wrong tokens waits for the answer. One that sends none is asked for a token. */
const refuseSlowly = (
  request: IncomingMessage,
  response: ServerResponse,
  { wrongTokens, turns }: RequestContext,
  refuse: () => void,
): void => {
  const { headers, socket } = request;
  const delayMs = headers.authorization === undefined ? 0 : wrongTokens.delayMs(socket.remoteAddress);
  if (delayMs === 0) refuse();
  else {
    // Those that came at once are answered at once.
    const timer = setTimeout(() => turns.start(ofUnauthenticated(request), 1, refuse), delayMs);
    response.once('close', () => clearTimeout(timer));
  }
};

/**
 * Ends an answer that is still being made, or sent, when its caller is no longer accepted: streams say so themselves, and
 * the answer to what ended the right is sent, as a token may be revoked with itself.
 */
const lifeOf = (
  response: ServerResponse,
  identity: Identity,
  { rights }: RequestContext,
): Pick<Caller, 'over' | 'ended'> => {
  const over = new AbortController();
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const forget = rights.onEnd(identity, (why) => {
    ended.abort(why);
    timer = setTimeout(() => {
      if (response.headersSent) response.destroy();
      else refuse(response, 401, 'UNAUTHENTICATED', noLongerAuthenticated(why).message);
    }, ENDING_MS);
  });
  response.once('close', () => {
    over.abort(OVER);
    forget();
    clearTimeout(timer);
  });
  return { over: over.signal, ended: ended.signal };
};

/** Made once: creating an exception for each answer takes longer than many of the answers. */
const OVER = new DOMException('The answer was sent, or its client has gone.', 'AbortError');

const isJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');

type Refuse = (
  status: number,
  code: ErrorCode,
  message: string,
  extensions?: Readonly<Record<string, unknown>>,
) => void;

const refusing =
  (request: IncomingMessage, response: ServerResponse, { observer }: RequestContext): Refuse =>
  (status, code, message, extensions) => {
    observer.refused(code, status, request, String(response.getHeader(REQUEST_ID)));
    refuse(response, status, code, message, extensions);
  };

/** Refuses a request with an error in the form of a GraphQL response. */
export const refuse = (
  response: ServerResponse,
  status: number,
  code: ErrorCode,
  message: string,
  extensions: Readonly<Record<string, unknown>> = {},
): void => {
  const wait = retryAfter([extensions['retryAfterMs']]);
  if (wait !== undefined) response.setHeader('Retry-After', wait);
  sendLastJson(response, status, { errors: [{ message, extensions: { ...extensions, code } }] });
};
