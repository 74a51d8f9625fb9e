/** The spawner process, on the server's side. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';

/** The supervisor could not be started, or found that another one runs the job. */
export class SpawnError extends Error {}

/** The spawner ended before it had answered: whether the request was carried out is unknown. */
class SpawnerEnded extends SpawnError {}

/** How the spawner is started, and for which folder. */
export interface SpawnerOptions {
  /** Path of the `cell` binary. */
  readonly launcher: string;
  /** The command that enters the user namespace of cells: see `CellIds`. Default: that of this process. */
  readonly enter?: readonly string[];
  /** Absolute path of the folder that holds the jobs' folders. */
  readonly jobs: string;
  /** Absolute path of the cgroup of spawner and supervisors; '' for the server's own. */
  readonly cgroup: string;
}

type Waiter = { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void };
type Verb = 'start' | 'probe' | 'prepare';

interface SpawnerProcess {
  readonly child: ChildProcess;
  readonly socket: Duplex;
}

/** A spawner answers at once, and so does a supervisor that was started: this is for a machine that is very busy. */
const ANSWER_MS = 8_000;
const START_MS = 30_000;
const EXIT_MS = 5_000;

const MOST_ATTEMPTS = 5;
/** The request that each word answers. */
const VERBS: ReadonlyMap<string, Verb> = new Map([
  ['ready', 'start'],
  ['failed', 'start'],
  ['held', 'probe'],
  ['free', 'probe'],
  ['gone', 'start'],
  ['prepared', 'prepare'],
  ['unprepared', 'prepare'],
]);

/**
 * The client of the spawner process (protocol: `launcher/spawner.h`). The process is started by the first request, and
 * again when it has died; running jobs do not depend on it.
 */
export class Spawner {
  readonly #options: SpawnerOptions;
  /** By verb and id, so that a late answer to one request is not taken for the answer to another. */
  readonly #waiting = new Map<string, Waiter>();
  /** Prepared cells, with what is called when one of them ends before a job has it. */
  readonly #prepared = new Map<string, () => void>();
  #process: SpawnerProcess | undefined;
  #closed = false;

  constructor(options: SpawnerOptions) {
    this.#options = options;
  }

  /**
   * Starts a supervisor for the job in folder `id`; settles when it answers on its control socket.
   *
   * @throws SpawnError also when the folder has a supervisor: where the spawner died, an earlier attempt may have made
   *   it
   */
  async start(id: string): Promise<void> {
    const answer = await this.#ask('start', id);
    if (answer !== 'ready') throw new SpawnError(answer.replace(/^failed ?/, ''));
  }

  /**
   * The same in a prepared cell.
   *
   * @returns false when there is no such cell any more; where the spawner has died, an earlier attempt may have started
   *   the job in it
   * @throws SpawnError with the reason; SpawnerEnded when the spawner has died too often
   */
  async startIn(name: string, id: string): Promise<boolean> {
    this.#prepared.delete(name);
    const answer = await this.#ask('start', id, name);
    if (answer === 'gone') return false;
    if (answer !== 'ready') throw new SpawnError(answer.replace(/^failed ?/, ''));
    return true;
  }

  /**
   * Has a cell made that waits for a job, from the plan in the folder `.<name>`, which is no longer needed afterwards.
   *
   * @param ended called when it ends before `startIn`; what its supervisor leaves when it is killed may then be there
   * @throws SpawnError with the reason
   */
  async prepare(name: string, ended: () => void): Promise<void> {
    const answer = await this.#askOnce('prepare', name);
    if (answer !== 'prepared') throw new SpawnError(answer.replace(/^unprepared ?/, ''));
    this.#prepared.set(name, ended);
  }

  /** Has a prepared cell ended. */
  dismiss(name: string): void {
    this.#process?.socket.write(`dismiss ${name}\n`);
  }

  /** Whether a supervisor holds the lock of the job's folder, that is, is alive. */
  async probe(id: string): Promise<boolean> {
    return (await this.#ask('probe', id)) === 'held';
  }

  /** Ends the spawner process; supervisors continue. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = this.#process;
    if (running === undefined) return;
    const exited = new Promise<void>((resolve) => {
      running.child.once('exit', () => resolve());
    });
    running.socket.end();
    const stuck = setTimeout(() => this.#replace(running), EXIT_MS);
    await exited;
    clearTimeout(stuck);
  }

  /** Asks a new spawner if one has died: two supervisors of one folder do no harm, the second one exits. */
  async #ask(verb: Verb, id: string, name?: string): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#askOnce(verb, id, name);
      } catch (error) {
        if (!(error instanceof SpawnerEnded) || this.#closed || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  #askOnce(verb: Verb, id: string, name?: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const process = this.#running();
    this.#waiting.set(`${verb} ${id}`, { resolve, reject });
    process.socket.write(`${verb} ${id}${name === undefined ? '' : ` ${name}`}\n`);
    const look = (): void => {
      if (verb !== 'start') this.#replace(process);
      else
        this.#lookInto(id, reject, (next) => {
          timer = next;
        });
    };
    let timer = setTimeout(look, ANSWER_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  /** A spawner that does not answer is stopped or stuck: those who wait ask the next one. */
  #replace({ child }: SpawnerProcess): void {
    child.kill('SIGKILL');
  }

  /**
   * Finds out why a start is not answered: because of the spawner, which is replaced then, or of the supervisor, which
   * has some more time.
   */
  #lookInto(id: string, giveUp: (error: Error) => void, wait: (timer: NodeJS.Timeout) => void): void {
    const late = (): void => giveUp(new SpawnError('its supervisor does not respond'));
    // Not asked again of the next spawner, which is asked to start the job: for a moment a probe holds the lock itself.
    this.#askOnce('probe', id)
      .then(() => wait(setTimeout(late, START_MS).unref()))
      .catch(giveUp);
  }

  #running(): SpawnerProcess {
    if (this.#closed) throw new SpawnError('the server is closing');
    if (this.#process !== undefined) return this.#process;
    const { launcher, enter = [], jobs, cgroup } = this.#options;
    const [program = launcher, ...parameters] = [...enter, launcher, 'spawner', jobs, cgroup];
    const child = spawn(program, parameters, {
      cwd: '/',
      // Every cell is a descendant, and must not find the server's environment.
      env: {},
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    const socket = child.stdio[3] as Duplex;
    const process = { child, socket };
    this.#process = process;
    const ended = (reason: string) => {
      if (this.#process !== process) return;
      this.#process = undefined;
      for (const waiter of this.#waiting.values()) waiter.reject(new SpawnerEnded(reason));
      this.#waiting.clear();
      for (const end of this.#prepared.values()) end();
      this.#prepared.clear();
    };
    child.once('error', (error) =>
      ended(`the launcher could not be executed (${'code' in error ? error.code : error.message})`),
    );
    child.once('exit', (code, signal) => ended(`the spawner ended (${signal ?? `code ${code}`})`));
    // A write after its end fails here too; the exit event reports it.
    socket.on('error', () => undefined);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#answer(line);
    });
    return process;
  }

  #answer(line: string): void {
    const [word = '', id = '', ...rest] = line.split(' ');
    const key = `${VERBS.get(word)} ${id}`;
    const waiter = this.#waiting.get(key);
    waiter?.resolve([word, ...rest].join(' '));
    this.#waiting.delete(key);
    if (word !== 'unprepared' || waiter !== undefined) return;
    this.#prepared.get(id)?.();
    this.#prepared.delete(id);
  }
}
