/** `cloister/client`: the API for programs in Node.js and browsers, with streams that resume. Needs no other package. */

import { overSse, request } from './http.js';
import { RETRY_DELAYS_MS, resuming } from './resume.js';

export { ConnectionLost, RequestRefused } from './errors.js';
export { scalars } from './scalars.js';

/** @import { Document, JobEvent, LogBatch, OperationOptions, ResumeOptions, TransportRequest } from './types.d.ts' */

const LOGS = `subscription Logs($jobId: ID!, $after: String, $line: Int, $tail: Int, $since: DateTime, $stream: LogStream, $grep: String, $regex: Boolean, $context: Int, $follow: Boolean!) {
  logs(jobId: $jobId, after: $after, line: $line, tail: $tail, since: $since, stream: $stream, grep: $grep, regex: $regex, context: $context, follow: $follow) {
    entries { stream time text bytes matched }
    cursor
    endOfLog
    droppedBytes
    damagedBytes
  }
}`;

const EVENTS = `subscription Events($after: String, $filter: JobFilter) {
  jobEvents(after: $after, filter: $filter) { cursor time status job { id name status } }
}`;

const NEWEST_EVENT = 'query NewestEvent { server { eventCursor } }';

/** @type {(data: Record<string, any>) => string} */
const cursorOfField = (data) => {
  const field = Object.values(data).find((value) => typeof value?.cursor === 'string');
  if (field === undefined) throw new TypeError('resume: expected a subscription that selects "cursor"');
  return field.cursor;
};

/** @type {(data: Record<string, any>) => boolean} */
const isEndOfLog = (data) => Object.values(data).some((value) => value?.endOfLog === true);

/** @type {typeof import('./types.d.ts').createClient} */
export const createClient = ({ url, token, fetch, transport = overSse, retryDelaysMs = RETRY_DELAYS_MS }) => {
  /** @type {(options: OperationOptions | undefined) => Promise<TransportRequest>} */
  const connect = async ({ signal, operationName } = {}) => ({
    url: String(url),
    token: typeof token === 'function' ? await token() : token,
    // A browser calls it as a method of window only.
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
    signal,
    operationName,
  });

  /** @type {(document: Document<any, any>, variables: object, options?: OperationOptions) => AsyncGenerator<any, void, void>} */
  const subscribe = async function* (document, variables, options) {
    yield* transport(await connect(options), String(document), variables);
  };

  /** @type {(document: Document<any, any>, variables: object, options?: ResumeOptions<any>, mayEnd?: boolean) => AsyncGenerator<any, void, void>} */
  const resume = (document, variables, options = {}, mayEnd = false) => {
    const { cursorOf = cursorOfField, isLast = isEndOfLog, first, signal } = options;
    /** @type {(after: string | undefined) => AsyncIterable<any>} */
    const open = (after) =>
      subscribe(document, { ...variables, ...(after === undefined ? first : { after }) }, options);
    return resuming({ open, cursorOf, isLast, mayEnd }, { delaysMs: retryDelaysMs, signal });
  };

  /** @type {(signal: AbortSignal | undefined) => Promise<string>} */
  const newestEvent = async (signal) => {
    /** @type {any} */
    const { server } = await request(await connect({ signal }), NEWEST_EVENT, {});
    return server.eventCursor;
  };

  return {
    request: async (document, variables, options) =>
      /** @type {any} */ (request(await connect(options), String(document), variables ?? {})),
    subscribe: (document, variables, options) => subscribe(document, variables ?? {}, options),
    resume: (document, variables, options) => resume(document, variables, options),
    observe: (document, variables, { next, error, complete }) => {
      const ended = new AbortController();
      const run = async () => {
        for await (const data of resume(document, variables, { signal: ended.signal })) next({ data });
      };
      run().then(complete, (reason) => {
        if (!ended.signal.aborted) error(reason);
      });
      return () => ended.abort();
    },
    logs: async function* (jobId, { signal, follow = true, stream, grep, regex, context, ...first } = {}) {
      /** @type {ResumeOptions<{ logs: LogBatch }>} */
      const options = {
        cursorOf: ({ logs }) => logs.cursor,
        isLast: ({ logs }) => logs.endOfLog,
        first,
        signal,
      };
      for await (const { logs } of resume(
        LOGS,
        { jobId, follow, stream, grep, regex, context },
        options,
        !follow,
      ))
        yield logs;
    },
    events: async function* ({ signal, after, filter } = {}) {
      // From the first request on: a connection that is lost before the first event begins again where this one did.
      const begin = after ?? (await newestEvent(signal));
      /** @type {ResumeOptions<{ jobEvents: JobEvent }>} */
      const options = { cursorOf: ({ jobEvents }) => jobEvents.cursor, first: { after: begin }, signal };
      for await (const { jobEvents } of resume(EVENTS, { filter }, options)) yield jobEvents;
    },
  };
};
