/** Sends answers of megabytes without building their whole text. */
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { ANSWER_BYTES, AnswerBudget, MESSAGE_BYTES } from '../resolvers/answer-budget.ts';
import type { Context } from '../resolvers/context.ts';
import { jsonPieces } from './json-pieces.ts';
import { accepts, JSON_ANSWERS, mediaRanges } from './media-types.ts';
import type { Hold } from './unread.ts';

/** An answer with at least this many bytes of logs and texts is sent in pieces. */
const LARGE_BYTES = 256 * 1024;

/**
 * What an answer may hold. One in JSON over HTTP is sent in pieces; an event of a stream and a message over WebSocket
 * are one text each.
 *
 * @param request `undefined` over WebSocket
 */
export const answerBudget = (request: Request | undefined): AnswerBudget =>
  new AnswerBudget(
    request !== undefined && accepts(mediaRanges(request.headers.get('accept')), JSON_ANSWERS)
      ? ANSWER_BYTES
      : MESSAGE_BYTES,
  );

/** For each answer over HTTP that may be large. */
export const useLargeAnswers = (): Plugin<Context> => ({
  onExecute: () => ({
    onExecuteDone({ args, result, setResult }) {
      const { budget, hold }: Context & { readonly hold?: Hold } = args.contextValue;
      if (isAsyncIterable(result) || budget.most < ANSWER_BYTES || budget.used < LARGE_BYTES) return;
      setResult({ ...result, ...inPieces(hold?.(budget.used)) });
    },
  }),
});

/** Each piece is made in a separate turn of the event loop, and only after the client has read the previous ones. */
async function* pieces(result: unknown, release: (() => void) | undefined): AsyncGenerator<Buffer> {
  try {
    for (const text of jsonPieces(result)) {
      yield Buffer.from(text);
      await nextTurn();
    }
  } finally {
    release?.();
  }
}

/** What the engine calls in place of JSON.stringify. It gives what is returned to a Response, as its body. */
const inPieces = (release: (() => void) | undefined) => ({
  stringify: (result: unknown) => Readable.from(pieces(result, release), { objectMode: false }),
});
