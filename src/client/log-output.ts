import type { LogStream } from './generated/operations.ts';
import type { LogBatch } from './logs.ts';
import { note, write } from './output.ts';

type Entry = LogBatch['entries'][number];

/** Puts the batches of one log where they belong: the bytes as they are, each stream on ours of the same name. */
export interface LogPrinter {
  readonly batch: (batch: LogBatch) => Promise<void>;
}

/** @param timestamps put the time before each line; the batches must have it */
export const rawPrinter = (timestamps: boolean): LogPrinter => {
  const lineStart: Record<LogStream, boolean> = { STDOUT: true, STDERR: true };
  const render = (entry: Entry): Buffer => {
    const bytes = Buffer.from(entry.bytes, 'base64');
    if (!timestamps) return bytes;
    const stamped = withTime(bytes, `${entry.time} `, lineStart[entry.stream]);
    if (bytes.length > 0) lineStart[entry.stream] = bytes.at(-1) === NEWLINE;
    return stamped;
  };
  return {
    batch: async ({ entries, droppedBytes }) => {
      for (const run of runs(entries)) {
        const stream = run[0]?.stream === 'STDERR' ? process.stderr : process.stdout;
        await write(stream, Buffer.concat(run.map(render)));
      }
      if (droppedBytes > 0) await note(`${droppedBytes} bytes of output were not kept here`);
    },
  };
};

/** One JSON document a line for each entry. */
export const jsonPrinter = (): LogPrinter => ({
  batch: async ({ entries, droppedBytes }) => {
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    if (lines !== '') await write(process.stdout, lines);
    if (droppedBytes > 0) await write(process.stdout, `${JSON.stringify({ droppedBytes })}\n`);
  },
});

const NEWLINE = 0x0a;

/** Neighbours of the same stream together: one write instead of many. */
const runs = (entries: readonly Entry[]): Entry[][] => {
  const result: Entry[][] = [];
  for (const entry of entries) {
    const last = result.at(-1);
    if (last?.[0]?.stream === entry.stream) last.push(entry);
    else result.push([entry]);
  }
  return result;
};

/** Puts `stamp` before every line that begins in these bytes. */
export const withTime = (bytes: Buffer, stamp: string, atLineStart: boolean): Buffer => {
  const parts: Buffer[] = [];
  let begins = atLineStart;
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const to = newline === -1 ? bytes.length : newline + 1;
    if (begins) parts.push(Buffer.from(stamp));
    parts.push(bytes.subarray(from, to));
    begins = true;
    from = to;
  }
  return Buffer.concat(parts);
};
