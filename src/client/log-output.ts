/** Prints batches of logs. */

import type { LogStream } from './generated/operations.ts';
import type { LogBatch } from './logs.ts';
import { note, write } from './output.ts';

type Entry = LogBatch['entries'][number];

/** Prints the batches of one log: its bytes unchanged, each stream to our own of the same name. */
export interface LogPrinter {
  readonly batch: (batch: LogBatch) => Promise<void>;
  /** There are no more batches. */
  readonly end: () => Promise<void>;
}

/** The remark about output that is missing within a batch. */
const gaps = ({ droppedBytes, damagedBytes }: Pick<LogBatch, 'droppedBytes' | 'damagedBytes'>): string[] => {
  const texts: string[] = [];
  if (droppedBytes > damagedBytes)
    texts.push(`${droppedBytes - damagedBytes} bytes of output were not kept here`);
  if (damagedBytes > 0) texts.push(`${damagedBytes} bytes of the log are damaged and missing here`);
  return texts;
};

/**
 * @param timestamps put the time before each line; the batches must have it
 * @param outputOf where the bytes of a stream go
 */
export const rawPrinter = (
  timestamps: boolean,
  outputOf: (stream: LogStream | undefined) => NodeJS.WriteStream = ownOutput,
): LogPrinter => {
  const lineStart: Record<LogStream, boolean> = { STDOUT: true, STDERR: true, TERMINAL: true };
  const render = (entry: Entry): Buffer => {
    const bytes = Buffer.from(entry.bytes, 'base64');
    if (!timestamps) return bytes;
    const stamped = withTime(bytes, `${entry.time} `, lineStart[entry.stream]);
    if (bytes.length > 0) lineStart[entry.stream] = bytes.at(-1) === NEWLINE;
    return stamped;
  };
  return {
    batch: async ({ entries, droppedBytes, damagedBytes }) => {
      for (const run of runs(entries)) {
        await write(outputOf(run[0]?.stream), Buffer.concat(run.map(render)));
      }
      for (const text of gaps({ droppedBytes, damagedBytes })) await note(text);
    },
    end: async () => undefined,
  };
};

const ownOutput = (stream: LogStream | undefined): NodeJS.WriteStream =>
  stream === 'STDERR' ? process.stderr : process.stdout;

/**
 * Prints one JSON document per line for each entry.
 *
 * @param jobId added to each; left out for a single job
 */
export const jsonPrinter = (jobId?: string): LogPrinter => {
  const job = jobId === undefined ? {} : { job: jobId };
  return {
    batch: async ({ entries, droppedBytes, damagedBytes }) => {
      const lines = entries.map((entry) => `${JSON.stringify({ ...job, ...entry })}\n`).join('');
      if (lines !== '') await write(process.stdout, lines);
      if (droppedBytes > 0)
        await write(process.stdout, `${JSON.stringify({ ...job, droppedBytes, damagedBytes })}\n`);
    },
    end: async () => undefined,
  };
};

/** Bytes of an unfinished line beyond which it is printed as it is. */
const LONGEST_LINE_BYTES = 64 * 1024;

/**
 * Prints whole lines, each with a prefix, so that the output of several jobs can be interleaved.
 *
 * @param timestamps put the time of its last piece after the prefix; the batches must have it
 */
export const prefixedPrinter = (
  prefix: (stream: NodeJS.WriteStream) => string,
  timestamps: boolean,
): LogPrinter => {
  const none = Buffer.alloc(0);
  const begun: Record<LogStream, Buffer> = { STDOUT: none, STDERR: none, TERMINAL: none };
  const { stdout, stderr } = process;
  const output = { STDOUT: stdout, STDERR: stderr, TERMINAL: stdout } as const;
  let time = '';
  const print = async (stream: LogStream, lines: Buffer): Promise<void> => {
    const stamp = `${prefix(output[stream])}${timestamps ? `${time} ` : ''}`;
    await write(output[stream], withTime(lines, stamp, true));
  };
  return {
    batch: async ({ entries, droppedBytes, damagedBytes }) => {
      for (const entry of entries) {
        time = entry.time ?? '';
        const bytes = Buffer.concat([begun[entry.stream], Buffer.from(entry.bytes, 'base64')]);
        const end = bytes.lastIndexOf(NEWLINE) + 1;
        const whole = bytes.length - end > LONGEST_LINE_BYTES ? bytes.length : end;
        begun[entry.stream] = bytes.subarray(whole);
        const lines = bytes.subarray(0, whole);
        if (whole > end) await print(entry.stream, Buffer.concat([lines, Buffer.from('\n')]));
        else if (whole > 0) await print(entry.stream, lines);
      }
      for (const text of gaps({ droppedBytes, damagedBytes })) await note(`${prefix(process.stderr)}${text}`);
    },
    end: async () => {
      for (const stream of ['STDOUT', 'STDERR', 'TERMINAL'] as const)
        if (begun[stream].length > 0) await print(stream, Buffer.concat([begun[stream], Buffer.from('\n')]));
    },
  };
};

const NEWLINE = 0x0a;

/** Joins neighbouring entries of the same stream: one write instead of many. */
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
