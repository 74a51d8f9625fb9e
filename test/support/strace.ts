/** Runs and reads strace(1). */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The fault that is injected into call number `when` (from 1) with a name, in each process that makes that many. */
export interface Fault {
  readonly syscall: string;
  readonly when: number;
  /** Name of an errno(3) that it fails with, or of a signal that the process gets as it makes it. */
  readonly error?: string;
  readonly signal?: string;
}

/** A call that a process made. */
export interface Call {
  readonly pid: number;
  readonly name: string;
  /** The rest of the line. */
  readonly text: string;
}

/** strace(1) attached to processes. */
export class Strace {
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Attaches to a process and to what it forks from then on; settles when it is attached. */
  static toFamily(pid: number, fault?: Fault): Promise<Strace> {
    return Strace.toFamilies([pid], fault);
  }

  /** Attaches to processes, and to what they fork from then on. */
  static toFamilies(pids: readonly number[], fault?: Fault): Promise<Strace> {
    return Strace.#attach(pids, ['--follow-forks'], fault);
  }

  /** Attaches to the threads that a process has, and not to what it forks. */
  static toThreads(pid: number, fault?: Fault): Promise<Strace> {
    // With more than one thread, each line of the output begins with its id.
    return Strace.#attach(readdirSync(`/proc/${pid}/task`).map(Number), [], fault);
  }

  static async #attach(
    threads: readonly number[],
    options: readonly string[],
    fault?: Fault,
  ): Promise<Strace> {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-strace-'));
    const parameters = [
      ...options,
      ...threads.flatMap((thread) => ['--attach', String(thread)]),
      ...['--output', join(folder, 'calls')],
      ...(fault === undefined ? [] : injection(fault)),
    ];
    const child = spawn('strace', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
        if (errors.split(' attached').length > threads.length) resolve();
      });
      child.once('error', reject).once('exit', () => reject(new Error(`strace: ${errors}`)));
    });
    return new Strace(child, folder);
  }

  /** Detaches from the processes, and returns the calls that were seen. */
  async end(): Promise<readonly Call[]> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGINT');
      await exited;
    }
    const calls = readFileSync(join(this.#folder, 'calls'), 'utf8');
    rmSync(this.#folder, { recursive: true });
    return calls.split('\n').flatMap((line) => {
      const [, pid, name, text] = /^(\d+) +(\w+)(\(.*)$/.exec(line) ?? [];
      return pid === undefined || name === undefined || text === undefined
        ? []
        : [{ pid: Number(pid), name, text }];
    });
  }
}

const injection = ({ syscall, when, error, signal }: Fault): string[] => {
  const what = error === undefined ? `signal=${signal}` : `error=${error}`;
  return ['--trace', syscall, '--inject', `${syscall}:${what}:when=${when}`];
};
