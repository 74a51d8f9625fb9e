/** Keeps a connection alive while its answer is still being made, as that of `runJob` may take long. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { sendNodeResponse } from '@whatwg-node/server';
import { STREAM } from './media-types.ts';

/** How the connection is kept alive until the answer is there. */
export interface SlowAnswerOptions {
  /** The media ranges that the client accepts, as `mediaRanges` gives them. */
  readonly ranges: readonly string[];
  /** Milliseconds after which something is sent, and again: less than proxies wait for the next byte (60 s of nginx). */
  readonly intervalMs: number;
}

/**
 * Sends an answer once it is there. One that takes longer than the interval begins with its head and white space, which
 * JSON allows before a value (RFC 8259 section 2), or with comments, which event streams ignore.
 *
 * @throws what `answer` rejects with
 */
export const sendSlowly = async (
  answer: PromiseLike<Response> | Response,
  request: IncomingMessage,
  response: ServerResponse,
  { ranges, intervalMs }: SlowAnswerOptions,
): Promise<void> => {
  const stop = beginEarly(response, { ranges, intervalMs });
  let made: Response;
  try {
    made = await answer;
  } finally {
    stop();
  }
  // The request was refused meanwhile.
  if (response.writableEnded) return;
  if (!response.headersSent) return sendNodeResponse(made, response, request, true);
  response.setMaxListeners(MOST_LISTENERS);
  // A status is not needed any more: by now the operation was found to be executable.
  try {
    await pipeline(made.body ?? [], response);
  } catch (error) {
    // The client has gone.
    if (!response.destroyed) throw error;
  }
};

/**
 * Sends the head of an answer and white space, or comments, while it is not there yet.
 *
 * @returns called when it is
 */
export const beginEarly = (
  response: ServerResponse,
  { ranges, intervalMs }: SlowAnswerOptions,
): (() => void) => {
  const timer = setInterval(() => {
    const type = earlyType(ranges);
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' });
    response.write(STREAM.includes(type) ? ':\n\n' : ' ');
  }, intervalMs);
  const stop = (): void => clearInterval(timer);
  response.once('close', stop);
  return stop;
};

/** The type of the answer, before the engine has made one: the first that it knows of those that are accepted. */
const earlyType = (ranges: readonly string[]): string => {
  const named = ranges.find((range) => TYPES.includes(range)) ?? JSON_TYPE;
  return STREAM.includes(named) ? named : `${named}; charset=utf-8`;
};

/** Each part of the server that follows the end of an answer has one, and a pipeline some; Node.js warns from 11 on. */
const MOST_LISTENERS = 20;
const JSON_TYPE = 'application/json';
const TYPES = ['application/graphql-response+json', JSON_TYPE, ...STREAM];
