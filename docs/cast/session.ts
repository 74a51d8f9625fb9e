/** A recorded session: what was typed and printed in terminals side by side, and when. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** One line of a terminal. */
export interface Line {
  /** Milliseconds since the recording began. */
  readonly atMs: number;
  readonly text: string;
  /** A command that was typed; otherwise output. */
  readonly typed: boolean;
}

export interface Terminal {
  readonly title: string;
  readonly lines: readonly Line[];
}

// Printed by the shell when a command line is done. No program here prints it by itself.
const DONE = '\u001e';

/** A shell whose commands and their output are recorded. It runs what it is given, one line after the other. */
export class Recorder implements Terminal {
  readonly title: string;
  readonly lines: Line[] = [];
  readonly #shell: ChildProcess;
  readonly #beganMs: number;
  readonly #waiting = new Set<() => void>();
  #typed = 0;
  #done = 0;
  #rest = '';

  /**
   * @param beganMs `performance.now()` at the beginning of the recording: terminals of one session share it
   * @param folder working directory of the shell
   */
  constructor(title: string, beganMs: number, folder: string, env: NodeJS.ProcessEnv) {
    this.title = title;
    this.#beganMs = beganMs;
    // A process group of its own, so that it can be interrupted as Ctrl-C would. Both streams go to one pipe, in order.
    this.#shell = spawn('sh', ['-c', 'exec bash --noprofile --norc 2>&1'], {
      cwd: folder,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    this.#shell.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
  }

  /** Types a command line; settles when it is done. */
  async run(command: string): Promise<void> {
    const before = this.#done;
    this.type(command);
    await this.until(() => this.#done > before);
  }

  /** Types a command line and does not wait for it. */
  type(command: string): void {
    this.#add(command, true);
    this.#typed += 1;
    // The shell's own standard input holds the commands to come, which a program would read.
    this.#shell.stdin?.write(`{\n${command}\n} </dev/null\nprintf '\\036'\n`);
  }

  /**
   * Settles as soon as `condition` holds; it is evaluated again after each output.
   *
   * @throws Error when every command is done and it does not hold; the message is what was printed
   */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#done === this.#typed)
        throw new Error(`${this.title}: ended too soon: ${this.lines.map(({ text }) => text).join('\n')}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  /** How many lines of output match. */
  count(pattern: RegExp): number {
    return this.lines.filter(({ text, typed }) => !typed && pattern.test(text)).length;
  }

  /** Sends a signal to what the shell runs, and to the shell. */
  signal(signal: NodeJS.Signals): void {
    if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, signal);
  }

  /** Ends the shell, and settles when it and what it started in the foreground have ended. */
  async close(): Promise<void> {
    const closed = once(this.#shell, 'close');
    this.#shell.stdin?.end();
    await closed;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#print(line);
    // The mark is not followed by the end of a line.
    if (this.#rest.includes(DONE)) {
      const rest = this.#rest;
      this.#rest = '';
      this.#print(rest, false);
    }
    for (const resolve of this.#waiting) resolve();
  }

  #print(line: string, whole = true): void {
    const text = line.replaceAll(DONE, '');
    this.#done += line.length - text.length;
    if (whole || text !== '') this.#add(text, false);
  }

  #add(text: string, typed: boolean): void {
    this.lines.push({ atMs: performance.now() - this.#beganMs, text, typed });
  }
}
