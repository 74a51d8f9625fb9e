/** Programs on a terminal, which `script` of util-linux (an essential package of Debian) gives them. */

import { type ChildProcess, spawn } from 'node:child_process';

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** A program on a terminal of its own, and what that has shown so far. */
export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #text = '';
  #changed = Promise.withResolvers<void>();

  /** @param env added to our environment; `COLUMNS` does not reach programs that ask the terminal, 80 wide */
  constructor(command: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const line = `stty cols 100 rows 30; exec ${command.map(quoted).join(' ')}`;
    this.#child = spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], {
      env: {
        ...process.env,
        TERM: 'xterm',
        // Where these are set, Node.js does not ask the terminal for its colours.
        CI: undefined,
        TEAMCITY_VERSION: undefined,
        NO_COLOR: undefined,
        FORCE_COLOR: undefined,
        SHELL: '/bin/sh',
        ...env,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', resolve);
    });
  }

  /** The process of `script`; the terminal is removed when it ends. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What the program has written, with the carriage returns that a terminal adds. */
  get text(): string {
    return this.#text;
  }

  /** Settles when the terminal shows this; rejects when the program ends before. */
  async shows(pattern: RegExp): Promise<void> {
    const ended = this.#ended.then((code) => {
      if (!pattern.test(this.#text))
        throw new Error(`ended with ${code} and without ${pattern}: ${JSON.stringify(this.#text)}`);
    });
    ended.catch(() => undefined);
    while (!pattern.test(this.#text)) await Promise.race([this.#changed.promise, ended]);
  }

  /** Types something; `\x03` is Ctrl-C. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** The exit code of the program, once it has ended. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
