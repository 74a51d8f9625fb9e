/** A server as users start it, and clients of it: what figures about whole jobs are measured with. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { ID_BASE, IMAGES, testImage } from '../support/image.ts';
import { descendants, prefer } from './priority.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const LOOP_DELAY = join(import.meta.dirname, 'loop-delay.ts');
const SUBMIT = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
const RUN = 'mutation ($input: SubmitJobInput!) { runJob(input: $input) { job { id status } } }';

/** A server on a state folder of its own, with authentication and durability as by default. */
export class BenchServer {
  readonly #child: ChildProcess;
  readonly stateDir: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly url: string;
  readonly token: string;
  #socket: Client | undefined;

  private constructor(child: ChildProcess, stateDir: string, url: string) {
    this.#child = child;
    this.stateDir = stateDir;
    this.url = url;
    this.token = readFileSync(join(stateDir, 'token'), 'utf8').trim();
  }

  /**
   * @param parent the folder in which the state folder is made
   * @param flags of `cloister serve`
   * @param isPreferred whether it gets real-time priority
   */
  static async start(
    parent: string,
    flags: readonly string[] = [],
    isPreferred = true,
  ): Promise<BenchServer> {
    await testImage();
    const stateDir = mkdtempSync(join(parent, 'cloister-bench-'));
    mkdirSync(join(stateDir, 'exits'));
    symlinkSync(IMAGES, join(stateDir, 'images'));
    const serve = ['serve', '--listen', '127.0.0.1:0', '--state-dir', stateDir, '--id-base', String(ID_BASE)];
    const child = spawn(process.execPath, ['--import', LOOP_DELAY, 'src/main.ts', ...serve, ...flags], {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4096);
    });
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const found = /listens on (\S+)/.exec(text)?.[1];
        if (found !== undefined && text.includes('Token: ')) resolve(found);
      });
      child.once('exit', () => reject(new Error(`the server ended: ${errors}`)));
    });
    const server = new BenchServer(child, stateDir, url);
    await server.run();
    // The spawner gives up what it inherits, so that it gets the priority when it is there.
    if (isPreferred) for (const pid of [server.pid, ...descendants(server.pid)]) prefer(pid);
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** One connection for all subscriptions. */
  get socket(): Client {
    this.#socket ??= createClient({
      url: this.url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${this.token}` },
      lazy: false,
    });
    return this.#socket;
  }

  /** The data of a document, over a connection that is kept. */
  async query<T>(query: string, variables: unknown = {}): Promise<T> {
    const body = JSON.stringify({ query, variables });
    const text = await new Promise<string>((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        authorization: `Bearer ${this.token}`,
        'content-length': Buffer.byteLength(body),
      };
      const call = request(this.url, { method: 'POST', agent: this.#agent, headers }, (answer) => {
        let received = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          received += chunk;
        });
        answer.once('end', () => resolve(received));
      });
      call.once('error', reject).end(body);
    });
    const { data, errors } = JSON.parse(text) as { data: T; errors?: unknown };
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** Submits a job and returns its id. */
  async submit(input: Record<string, unknown> = { argv: ['true'] }): Promise<string> {
    const { submitJob } = await this.query<{ submitJob: { job: { id: string } } }>(SUBMIT, { input });
    return submitJob.job.id;
  }

  /** Runs a job to its end. */
  async run(input: Record<string, unknown> = { argv: ['true'] }): Promise<void> {
    const { runJob } = await this.query<{ runJob: { job: { status: string } } }>(RUN, { input });
    if (runJob.job.status !== 'COMPLETED') throw new Error(`a job is ${runJob.job.status}`);
  }

  /** Measures the delay of the server's event loop until the returned function is called: its p99 in milliseconds. */
  watchLoop(): () => Promise<number> {
    const channel = this.#child.stdio[3] as Duplex;
    channel.write('\n');
    return async () => {
      const answer = new Promise<string>((resolve) => {
        channel.once('data', (data: Buffer) => resolve(data.toString()));
      });
      channel.write('\n');
      return Number(await answer);
    };
  }

  /** Ends the server and removes its state. */
  async close(): Promise<void> {
    await this.#socket?.dispose();
    this.#agent.destroy();
    const exited = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.kill('SIGTERM');
    await exited;
    rmSync(this.stateDir, { recursive: true });
  }
}
