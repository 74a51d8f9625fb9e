import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { whole } from '../flag-values.ts';
import type { LogStream } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { jsonPrinter, rawPrinter } from '../log-output.ts';
import { readLogs } from '../logs.ts';

/** `cloister logs`: the bytes as the command wrote them, its stdout on ours and its stderr on ours. */
export const logs = async (
  config: ClientConfig,
  job: string,
  flags: {
    readonly follow?: boolean;
    readonly tail?: string;
    readonly stream?: string;
    readonly timestamps?: boolean;
    readonly json?: boolean;
  },
): Promise<void> => {
  const json = flags.json ?? false;
  const timestamps = flags.timestamps ?? false;
  const request = {
    tail: flags.tail === undefined ? undefined : whole('--tail', flags.tail),
    stream: flags.stream === undefined ? undefined : logStream(flags.stream),
    follow: flags.follow ?? false,
    withTime: timestamps || json,
    withText: json,
  };
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  const printer = json ? jsonPrinter() : rawPrinter(timestamps);
  for await (const batch of readLogs(connection, { jobId, ...request })) await printer.batch(batch);
};

const logStream = (text: string): LogStream => {
  const name = text.toUpperCase();
  if (name === 'STDOUT' || name === 'STDERR') return name;
  throw new CliError(`--stream: expected stdout or stderr, got ${JSON.stringify(text)}`);
};
