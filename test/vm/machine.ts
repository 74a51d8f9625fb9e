/** Boots the test machine and runs a script there. */

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { LaneError, say } from './errors.ts';

/**
 * How a machine is started: a program and its parameters. Its descriptors CONSOLE to STDERR are sockets; the machine's
 * first process (init.sh) speaks on those after the console.
 */
export interface Launch {
  readonly program: string;
  readonly parameters: readonly string[];
}

export interface Task {
  /** What /bin/sh runs as root. */
  readonly script: string;
  /** Folders of the host below /tmp and /run that are to be there nevertheless. */
  readonly folders: readonly string[];
}

export interface BootOptions {
  /** What it is called in messages. */
  readonly name: string;
  /** A file that takes what the kernel says. */
  readonly consoleLog: string;
  /** Where the output of the script goes. */
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Time until the machine asks for the script, and time altogether. */
  readonly bootLimitMs: number;
  readonly limitMs: number;
  /** Ends the machine at once. */
  readonly signal?: AbortSignal;
}

// File descriptors of the program that is the machine, each one end of a pair of sockets.
export const CONSOLE = 3;
export const CONTROL = 4;
export const STDOUT = 5;
export const STDERR = 6;
const POWER_OFF_LIMIT = 30_000;
const CONSOLE_TAIL = 40;
// What the kernel says of a process that it ended: the first thing to know when a program died by a signal.
const FAULT = /traps:|segfault|general protection|invalid opcode|Out of memory:|Killed process \d+ \(node/;
const MOST_FAULTS = 20;

/**
 * Boots the test machine, runs a script there and ends the machine.
 *
 * @returns the script's exit code
 * @throws LaneError when the machine did not get as far as an exit code: it did not boot, the kernel panicked, a time
 *   limit passed; with the last lines of its console
 */
export const runInMachine = async (launch: Launch, task: Task, options: BootOptions): Promise<number> => {
  // The machine shall not outlive this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', launch.program, ...launch.parameters], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  let trouble: string | undefined;
  let complaints = '';
  let cut: string | undefined;
  const socketOf = (fd: number): Duplex => {
    const socket = child.stdio[fd];
    if (!(socket instanceof Duplex)) throw new Error(`file descriptor ${fd} of the machine is not a socket`);
    return socket.on('error', (error) => {
      cut ??= error.message;
    });
  };
  const end = (reason: string): void => {
    trouble ??= reason;
    child.kill('SIGKILL');
  };
  const abort = (): void => end('interrupted');
  options.signal?.addEventListener('abort', abort);
  const overall = setTimeout(() => end(`not done after ${options.limitMs / 1000} s`), options.limitMs);
  let stage = setTimeout(() => end(`not booted after ${options.bootLimitMs / 1000} s`), options.bootLimitMs);

  const tail = keepTail(socketOf(CONSOLE), options.consoleLog);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  socketOf(STDOUT).pipe(options.stdout, { end: false });
  socketOf(STDERR).pipe(options.stderr, { end: false });

  let code: number | undefined;
  const control = socketOf(CONTROL);
  createInterface({ input: control }).on('line', (line) => {
    clearTimeout(stage);
    if (line === 'up') control.write(`${base64(task.folders.join('\n'))}\n${base64(task.script)}\n`);
    const status = /^exit (\d+)$/.exec(line)?.[1];
    if (status === undefined) return;
    code = Number(status);
    stage = setTimeout(() => child.kill('SIGKILL'), POWER_OFF_LIMIT);
  });

  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once('error', reject).once('close', () => resolve());
    await promise;
    if (code !== undefined && trouble === undefined) {
      if (code !== 0)
        for (const line of (await tail).faults) say(`the kernel of the ${options.name}: ${line}`);
      return code;
    }
    const reason = trouble ?? (complaints.trim() || (cut ?? 'it ended by itself (a kernel panic?)'));
    const lines = options.signal?.aborted ? [] : (await tail).lines;
    const seen =
      lines.length > 0 ? `\nThe end of its console (${options.consoleLog}):\n${lines.join('\n')}` : '';
    throw new LaneError(`The ${options.name} failed: ${reason}${seen}`);
  } finally {
    clearTimeout(overall);
    clearTimeout(stage);
    options.signal?.removeEventListener('abort', abort);
    await tail;
  }
};

interface ConsoleTail {
  /** The last ones. */
  readonly lines: readonly string[];
  /** The first ones, by which a killed process shows. */
  readonly faults: readonly string[];
}

/** Writes the console to a file; resolves, when it has ended, with the lines worth reporting. */
const keepTail = async (input: Duplex, file: string): Promise<ConsoleTail> => {
  const log = createWriteStream(file);
  const lines: string[] = [];
  const faults: string[] = [];
  input.pipe(log);
  input.once('close', () => log.end());
  let panicked = false;
  createInterface({ input }).on('line', (line) => {
    // What comes after a panic is its trace, which would push what led to it out of the tail.
    if (panicked) return;
    panicked = line.includes('Kernel panic');
    lines.push(line);
    if (FAULT.test(line) && faults.length < MOST_FAULTS) faults.push(line);
    if (lines.length > CONSOLE_TAIL) lines.shift();
  });
  await finished(log);
  return { lines, faults };
};

const base64 = (text: string): string => Buffer.from(text === '' ? '' : `${text}\n`).toString('base64');
