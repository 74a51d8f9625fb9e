/**
 * A process that asks a server for its health, twenty times a second, each time over a connection of its own:
 * `node test/bench/attacks/probe.ts URL` with an IPC channel. It begins when it starts, and answers each message with
 * what it has found since the last, in which what is not answered yet counts as if it were then.
 */

import { connect } from 'node:net';

/** What was found of a server's health. */
export interface Found {
  /** How long each answer took, from the time at which it was due to be asked for. */
  readonly takenMs: readonly number[];
  /** What came instead of an answer with status 200. */
  readonly failures: readonly string[];
}

const PERIOD_MS = 50;
const LONGEST_MS = 20_000;

const ask = (port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host });
    socket.setEncoding('latin1').setTimeout(LONGEST_MS, () => socket.destroy(new Error('no answer')));
    socket.write(`GET /health HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`);
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('error', reject);
    socket.once('close', () => {
      if (text.startsWith('HTTP/1.1 200 ')) resolve();
      else reject(new Error(`expected an answer with status 200, got ${JSON.stringify(text.slice(0, 100))}`));
    });
  });

const { hostname, port } = new URL(process.argv[2] ?? '');
let takenMs: number[] = [];
let failures: string[] = [];
const began = performance.now();
let asked = 0;
/** When those were due that have not been answered. */
const waiting = new Set<number>();

/** Asks for what is due, also when this process was late itself. */
const askDue = (): void => {
  for (; began + asked * PERIOD_MS <= performance.now(); asked++) {
    const dueMs = began + asked * PERIOD_MS;
    waiting.add(dueMs);
    const answered = ask(Number(port), hostname).finally(() => waiting.delete(dueMs));
    answered.then(
      () => takenMs.push(performance.now() - dueMs),
      (error: Error) => failures.push(error.message),
    );
  }
};
setInterval(askDue, PERIOD_MS / 10);
process.on('message', () => {
  const stillMs = [...waiting].map((dueMs) => performance.now() - dueMs);
  const found: Found = { takenMs: [...takenMs, ...stillMs], failures };
  takenMs = [];
  failures = [];
  process.send?.(found);
});
process.once('disconnect', () => process.exit());
