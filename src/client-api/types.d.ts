/** The types of `cloister/client` and `cloister/client/web-socket`. The code is JavaScript: it runs wherever it is installed. */

/** A document as text, or as an object with a `toString()`, as graphql-codegen generates with `documentMode: 'string'`. */
export interface TypedDocument<Result, Variables> {
  /** The text of the document. */
  toString(): string;
  __apiType?: (variables: Variables) => Result;
}
/** A GraphQL document: its text, or one that knows the types of its result and variables. */
export type Document<Result, Variables> = string | TypedDocument<Result, Variables>;

/** The `errors` of an answer (GraphQL specification, section 7.1.2); docs/errors.md lists the codes. */
export interface GraphQLErrorObject {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: {
    readonly code?: string;
    readonly field?: string;
    readonly [name: string]: unknown;
  };
}

/** The server refused a request. */
export declare class RequestRefused extends Error {
  readonly name: 'RequestRefused';
  readonly errors: readonly GraphQLErrorObject[];
  /** `extensions.code` of the first error. */
  readonly code: string | undefined;
  constructor(errors: readonly GraphQLErrorObject[]);
}

/** The connection broke, or could not be made. */
export declare class ConnectionLost extends Error {
  readonly name: 'ConnectionLost';
  /** Whether the server had been reached. */
  readonly established: boolean;
  constructor(message: string, established: boolean, options?: ErrorOptions);
}

/** Where the server is, and how it is reached. */
export interface ClientOptions {
  /** The endpoint, such as `http://127.0.0.1:8080/graphql`. */
  readonly url: string | URL;
  /** The token, or what returns it before each connection. Left out where a proxy adds it. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How one subscription is carried. Default: SSE over `fetch`. */
  readonly transport?: Transport | undefined;
  /** Milliseconds to wait before each further attempt at a lost stream. Default: about a minute in all. */
  readonly retryDelaysMs?: readonly number[] | undefined;
}

/**
 * Carries one subscription over one connection. It ends when the server completes the subscription.
 *
 * @throws ConnectionLost, RequestRefused
 */
export type Transport = (
  request: TransportRequest,
  document: string,
  variables: object,
) => AsyncGenerator<unknown, void, void>;

/** What a transport is given for one operation. */
export interface TransportRequest {
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal | undefined;
  /** Which operation of the document, if it has several. */
  readonly operationName: string | undefined;
}

/** How a stream is ended. */
export interface StreamOptions {
  /** Ends a stream: what waits for its next item gets the reason of the signal thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** How an operation is executed. */
export interface OperationOptions extends StreamOptions {
  /** Which operation of the document, if it has several. */
  readonly operationName?: string | undefined;
}

/** How a subscription is opened again after its connection was lost. */
export interface ResumeOptions<Result> extends OperationOptions {
  /** Where an item ends: passed as the variable `after` when the stream is opened again. Default: `cursor` of its field. */
  readonly cursorOf?: ((result: Result) => string) | undefined;
  /**
   * Whether nothing comes after this item. A stream that ends before it has come is opened again. Default: `endOfLog` of
   * its field.
   */
  readonly isLast?: ((result: Result) => boolean) | undefined;
  /** Variables of the first request only, which a cursor replaces, such as `tail`. */
  readonly first?: object | undefined;
}

/** What an Observable passes its answers to. */
export interface Observer<Result> {
  readonly next: (answer: { readonly data: Result }) => void;
  readonly error: (error: Error) => void;
  readonly complete: () => void;
}

/** Which part of a log is read. */
export interface LogOptions extends StreamOptions {
  /** Begin after this cursor; of `after`, `line`, `tail` and `since` at most one. */
  readonly after?: string | undefined;
  /** Begin at the line of this number, counted from 1. */
  readonly line?: number | undefined;
  /** Begin this many lines before the end. */
  readonly tail?: number | undefined;
  /** Begin at the first output of this time (RFC 3339) or later. */
  readonly since?: string | undefined;
  readonly stream?: LogStream | undefined;
  /** Only lines that contain this text, of 1 to 1024 bytes without newline; the server searches. */
  readonly grep?: string | undefined;
  /** `grep` is a regular expression, in the syntax of RE2. */
  readonly regex?: boolean | undefined;
  /** Lines before and after each line that is found, from 0 to 100. */
  readonly context?: number | undefined;
  /** Until the job has ended, which is the default; otherwise to the present end. */
  readonly follow?: boolean | undefined;
}

/** The stream that output was written to; TERMINAL is both of a job with a terminal. */
export type LogStream = 'STDOUT' | 'STDERR' | 'TERMINAL';

/** Output that was written at one time to one stream. */
export interface LogEntry {
  readonly stream: LogStream;
  /** RFC 3339, with nanoseconds. */
  readonly time: string;
  /** Decoded as UTF-8 across entries. */
  readonly text: string;
  /** The exact bytes, in base64. */
  readonly bytes: string;
  /** Whether it is of a line that was found, and not of the context of one; null unless `grep` was given. */
  readonly matched: boolean | null;
}

/** A part of a log. */
export interface LogBatch {
  readonly entries: readonly LogEntry[];
  /** Pass as `after` to continue with what comes next. */
  readonly cursor: string;
  readonly endOfLog: boolean;
  /** Bytes within this batch that could not be kept, `damagedBytes` included. */
  readonly droppedBytes: number;
  /** Bytes of the stored log within this batch that are damaged; the output that was in them is missing. */
  readonly damagedBytes: number;
}

/** A state change of a job. */
export interface JobEvent {
  readonly cursor: string;
  readonly time: string;
  readonly status: string;
  readonly job: { readonly id: string; readonly name: string | null; readonly status: string };
}

/** Which events are read. */
export interface EventOptions extends StreamOptions {
  /** Begin after this cursor; "0" replays all. Default: new events only. */
  readonly after?: string | undefined;
  /** A `JobFilter` of the schema. */
  readonly filter?: object | undefined;
}

/** A connection to one server. Its streams continue after a lost connection, without gap or duplicate. */
export interface Client {
  /** Sends a query or a mutation. @throws RequestRefused, ConnectionLost */
  request<Result, Variables extends object>(
    document: Document<Result, Variables>,
    variables?: Variables,
    options?: OperationOptions,
  ): Promise<Result>;
  /** A subscription over one connection, which is not opened again. @throws RequestRefused, ConnectionLost */
  subscribe<Result, Variables extends object>(
    document: Document<Result, Variables>,
    variables?: Variables,
    options?: OperationOptions,
  ): AsyncGenerator<Result, void, void>;
  /**
   * A subscription with a variable `after`: opened again after the last item whenever its connection is lost, so that
   * each item comes once. @throws RequestRefused, ConnectionLost when the server does not come back
   */
  resume<Result, Variables extends object>(
    document: Document<Result, Variables>,
    variables: Variables,
    options?: ResumeOptions<Result>,
  ): AsyncGenerator<Result, void, void>;
  /** `resume` for libraries that take an observer. @returns a function that ends it */
  observe<Result, Variables extends object>(
    document: Document<Result, Variables>,
    variables: Variables,
    observer: Observer<Result>,
  ): () => void;
  /** The log of a job, each byte once and in order, over as many connections as it takes. */
  logs(jobId: string, options?: LogOptions): AsyncGenerator<LogBatch, void, void>;
  /** State changes of jobs, each once and in order. Never ends by itself. */
  events(options?: EventOptions): AsyncGenerator<JobEvent, void, void>;
}

/** Creates a client; nothing is sent before it is used. */
export declare const createClient: (options: ClientOptions) => Client;

/** The custom scalars, as the option `scalars` of graphql-codegen takes them. */
export declare const scalars: {
  readonly Base64: { readonly input: 'string'; readonly output: 'string' };
  readonly ByteSize: { readonly input: 'number | string'; readonly output: 'number' };
  readonly DateTime: { readonly input: 'string'; readonly output: 'string' };
  readonly Duration: { readonly input: 'number | string'; readonly output: 'number' };
  readonly ID: { readonly input: 'string'; readonly output: 'string' };
};

/**
 * A transport over WebSocket (graphql-transport-ws): `createClient({ url, token, transport: overWebSocket() })`. Of
 * `cloister/client/web-socket`, which needs the package graphql-ws.
 *
 * @param webSocketImpl default: the global one; `WebSocket` of the package ws is paused while nobody reads
 */
export declare const overWebSocket: (webSocketImpl?: unknown) => Transport;
