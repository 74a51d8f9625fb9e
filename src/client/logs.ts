import type { Connection } from './connection.ts';
import { ConnectionLost } from './errors.ts';
import { FollowLogsDocument, type FollowLogsSubscription, type LogStream } from './generated/operations.ts';
import { reconnecting } from './reconnect.ts';
import { subscribe } from './subscribe.ts';

export type LogBatch = FollowLogsSubscription['logs'];

export interface LogRequest {
  readonly jobId: string;
  /** Begin at the last so many lines. */
  readonly tail?: number | undefined;
  readonly stream?: LogStream | undefined;
  /** Until the job has ended; otherwise to the present end. */
  readonly follow: boolean;
  readonly withTime: boolean;
  readonly withText: boolean;
  /** The server has answered before: it is waited for when the first connection fails as well. */
  readonly reached?: boolean;
}

/** The log of a job, each byte once and in order, over as many connections as it takes. */
export const readLogs = (
  connection: Connection,
  request: LogRequest,
): AsyncGenerator<LogBatch, void, void> => {
  const { tail, reached, ...rest } = request;
  let after: string | undefined;
  const open = async function* (): AsyncGenerator<LogBatch, void, void> {
    const from = after === undefined ? { tail } : { after };
    for await (const { logs } of subscribe(connection, FollowLogsDocument, { ...rest, ...from })) {
      after = logs.cursor;
      yield logs;
      if (logs.endOfLog) return;
    }
    // A server that shuts down completes its subscriptions; the job runs on and so does its log.
    if (request.follow) throw new ConnectionLost('the server ended the stream before the job ended', true);
  };
  return reconnecting(connection, open, reached);
};
