/** The output of a job, as the server sends it. */

import { resuming } from '../client-api/resume.js';
import type { Connection } from './connection.ts';
import { FollowLogsDocument, type LogLinesFragment, type LogStream } from './generated/operations.ts';
import { subscribe } from './subscribe.ts';

/** A part of a log, as the server answers. */
export type LogBatch = LogLinesFragment;

/** The job, and the part of its log to read. */
export interface LogRequest {
  readonly jobId: string;
  /** Begin at the line of this number, counted from 1. */
  readonly line?: number | undefined;
  /** Begin this many lines before the end. */
  readonly tail?: number | undefined;
  /** Begin at the first output at this time or later. */
  readonly since?: string | undefined;
  readonly stream?: LogStream | undefined;
  /** Only lines that contain this text, of 1 to 1024 bytes without newline; the server searches. */
  readonly grep?: string | undefined;
  /** It is a regular expression of RE2. */
  readonly regex?: boolean | undefined;
  /** Lines before and after each of them, from 0 to 100. */
  readonly context?: number | undefined;
  /** Continue until the job has ended; otherwise stop at the present end. */
  readonly follow: boolean;
  readonly withTime: boolean;
  readonly withText: boolean;
  /** Whether entries have the new size of a terminal. */
  readonly withSize?: boolean;
  /** The server has answered before, so the first connection is retried as well. */
  readonly reached?: boolean;
}

/**
 * The log of a job, each byte once and in order, over as many connections as needed.
 *
 * @throws ConnectionLost when the server cannot be reached again, ServerError for what it refuses
 */
export const readLogs = (
  connection: Connection,
  request: LogRequest,
): AsyncGenerator<LogBatch, void, void> => {
  const { line, tail, since, reached, withSize = false, ...rest } = request;
  const what = { ...rest, withSize, withMatched: rest.grep !== undefined && rest.withText };
  const open = async function* (after: string | undefined): AsyncGenerator<LogBatch, void, void> {
    const from = after === undefined ? { line, tail, since } : { after };
    for await (const { logs } of subscribe(connection, FollowLogsDocument, { ...what, ...from })) yield logs;
  };
  const stream = {
    open,
    cursorOf: ({ cursor }: LogBatch) => cursor,
    isLast: ({ endOfLog }: LogBatch) => endOfLog,
    // The job continues, and so does the log.
    mayEnd: !request.follow,
  };
  return resuming(stream, { delaysMs: connection.retryDelays, reached });
};

/**
 * Batches up to the first entry of a later time, where reading ends.
 *
 * @param until RFC 3339; the entries must have their times
 */
export async function* before(
  batches: AsyncIterable<LogBatch>,
  until: string,
): AsyncGenerator<LogBatch, void, void> {
  const limit = Date.parse(until);
  for await (const batch of batches) {
    const end = batch.entries.findIndex(({ time }) => time !== undefined && Date.parse(time) > limit);
    if (end === -1) yield batch;
    else if (end > 0)
      yield { ...batch, entries: batch.entries.slice(0, end), droppedBytes: 0, damagedBytes: 0 };
    if (end !== -1) return;
  }
}
