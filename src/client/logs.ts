/** The output of a job, as the server sends it. */

import { resuming } from '../client-api/resume.js';
import type { Connection } from './connection.ts';
import {
  FollowLogsDocument,
  type LogLinesFragment,
  type LogStream,
  SearchLogsDocument,
} from './generated/operations.ts';
import { request } from './request.ts';
import { subscribe } from './subscribe.ts';

export type LogBatch = LogLinesFragment;

export interface LogRequest {
  readonly jobId: string;
  /** Begin this many lines before the end. */
  readonly tail?: number | undefined;
  /** Begin at the first output at this time or later. */
  readonly since?: string | undefined;
  readonly stream?: LogStream | undefined;
  /** Continue until the job has ended; otherwise stop at the present end. */
  readonly follow: boolean;
  readonly withTime: boolean;
  readonly withText: boolean;
  /** The server has answered before, so the first connection is retried as well. */
  readonly reached?: boolean;
}

/** The log of a job, each byte once and in order, over as many connections as needed. */
export const readLogs = (
  connection: Connection,
  request: LogRequest,
): AsyncGenerator<LogBatch, void, void> => {
  const { tail, since, reached, ...rest } = request;
  const open = async function* (after: string | undefined): AsyncGenerator<LogBatch, void, void> {
    const from = after === undefined ? { tail, since } : { after };
    for await (const { logs } of subscribe(connection, FollowLogsDocument, { ...rest, ...from })) yield logs;
  };
  const stream = {
    open,
    cursorOf: ({ cursor }: LogBatch) => cursor,
    isLast: ({ endOfLog }: LogBatch) => endOfLog,
    // The job continues, and so does its log.
    mayEnd: !request.follow,
  };
  return resuming(stream, { delaysMs: connection.retryDelays, reached });
};

/**
 * The lines of a log that contain a text, up to its present end. The server searches.
 *
 * @param grep 1 to 1024 bytes, without newline
 */
export async function* searchLogs(
  connection: Connection,
  { jobId, tail, since, stream, withTime, withText }: Omit<LogRequest, 'follow' | 'reached'>,
  grep: string,
): AsyncGenerator<LogBatch, void, void> {
  const what = { jobId, stream, grep, withTime, withText };
  for (let after: string | undefined; ; ) {
    const from = after === undefined ? { tail, since } : { after };
    const { job } = await request(connection, SearchLogsDocument, { ...what, ...from });
    // The job was deleted meanwhile, with its log.
    if (!job?.logs) return;
    yield job.logs;
    // A page whose cursor has not advanced is at the end of a log that is still being written.
    if (job.logs.endOfLog || job.logs.cursor === after) return;
    after = job.logs.cursor;
  }
}

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
