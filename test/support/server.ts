/** A real server in a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ID_BASE, IMAGES, testImage } from './image.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

/** A real server in a process of its own, on a state folder of its own. */
export class TestServer {
  readonly stateDir: string;
  readonly #flags: readonly string[];
  readonly #wrap: (command: readonly string[]) => readonly string[];
  #child: ChildProcess | undefined;
  #errors = '';
  url = '';
  token = '';

  /** @param wrap turns the command line of the server into one that comes to it, in the same process */
  constructor(
    stateDir: string,
    flags: readonly string[],
    wrap: (command: readonly string[]) => readonly string[] = (command) => command,
  ) {
    this.stateDir = stateDir;
    this.#flags = flags;
    this.#wrap = wrap;
  }

  /** @param flags of `cloister serve`, besides the address and the state folder */
  static start(...flags: string[]): Promise<TestServer> {
    return TestServer.startBy((command) => command, ...flags);
  }

  /** As `start`, by another command line: see the constructor. */
  static async startBy(
    wrap: (command: readonly string[]) => readonly string[],
    ...flags: string[]
  ): Promise<TestServer> {
    await testImage();
    const stateDir = mkdtempSync(join(tmpdir(), 'cloister-server-'));
    mkdirSync(join(stateDir, 'exits'));
    // The image of all tests: a server finds it unpacked, and leaves it as it is.
    symlinkSync(IMAGES, join(stateDir, 'images'));
    const server = new TestServer(stateDir, flags, wrap);
    await server.boot();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** What the server has written to standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** The lines of its log. */
  get log(): readonly LogLine[] {
    return this.#errors
      .split('\n')
      .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as LogLine] : []));
  }

  /** What it could not do for a job: not that one was lost, which may be as it should. */
  get faults(): readonly LogLine[] {
    return this.log.filter(
      ({ level, jobId, code }) =>
        (level === 'warn' || level === 'error') && jobId !== undefined && code !== 'LOST',
    );
  }

  /** Starts the process, on what an earlier one has left. */
  async boot(): Promise<void> {
    const args = ['src/main.ts', 'serve', '--listen', '127.0.0.1:0', '--state-dir', this.stateDir];
    const command = [process.execPath, ...args, '--id-base', String(ID_BASE), ...this.#flags];
    const [program = '', ...parameters] = this.#wrap(command);
    const child = spawn(program, parameters, {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const url = /listens on (\S+)/.exec(text)?.[1];
        if (url !== undefined && text.includes('Token: ')) resolve(url);
      });
      child.once('exit', async (code, signal) => {
        await drained();
        reject(new Error(`the server ended with ${signal ?? `code ${code}`}: ${this.#errors}`));
      });
    });
    await drained();
    // As the server sees its files: it may live in a mount namespace of its own.
    this.token = readFileSync(join(`/proc/${child.pid}/root`, this.stateDir, 'token'), 'utf8').trim();
  }

  /** Ends the process and waits for it; jobs continue. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const exited = this.exited();
    this.#child?.kill(signal);
    return exited;
  }

  /** Waits until the process has ended. @returns its exit code */
  async exited(): Promise<number | null> {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await drained();
    return child?.exitCode ?? null;
  }

  /** Stops every job, ends the process and removes the state. */
  async dispose(): Promise<void> {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) await this.boot();
    const open = await this.query<{ jobs: { nodes: { id: string }[] } }>(
      '{ jobs(first: 100, filter: { status: [QUEUED, RUNNING] }) { nodes { id } } }',
    );
    for (const { id } of open.jobs.nodes) await this.stop(id, 0);
    await this.end();
    rmSync(this.stateDir, { recursive: true });
  }

  /** Sends a document over HTTP and gives the whole answer. */
  async ask(query: string, variables: unknown = {}): Promise<Answer> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.token}` };
    const body = JSON.stringify({ query, variables });
    // A certificate of the tests is trusted by no `fetch`.
    if (this.url.startsWith('https:')) return this.#askLocally(headers, body);
    const response = await fetch(this.url, { method: 'POST', headers, body });
    return parseAnswer(await response.text(), `${response.status} ${response.headers.get('content-type')}`);
  }

  async #askLocally(headers: Record<string, string>, body: string): Promise<Answer> {
    const sent = request({
      socketPath: join(this.stateDir, 'socket'),
      path: '/graphql',
      method: 'POST',
      headers: { ...headers, host: 'localhost' },
    }).end(body);
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return parseAnswer(text, `${response.statusCode} ${response.headers['content-type']}`);
  }

  /** The data of a document; throws when there are errors. */
  async query<T>(query: string, variables: unknown = {}): Promise<T> {
    const { data, errors } = await this.ask(query, variables);
    if (errors !== undefined) throw new Error(errors.map(({ message }) => message).join('; '));
    return data as T;
  }

  /** Submits a job and gives its id. */
  async submit(input: Record<string, unknown>): Promise<string> {
    const { submitJob } = await this.query<{ submitJob: { job: { id: string } } }>(
      'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
      { input },
    );
    return submitJob.job.id;
  }

  async stop(id: string, gracePeriod: number | string = 10_000): Promise<JobFields> {
    const { stopJob } = await this.query<{ stopJob: { job: JobFields } }>(
      `mutation ($input: StopJobInput!) { stopJob(input: $input) { job { ${FIELDS} } } }`,
      { input: { jobId: id, gracePeriod } },
    );
    return stopJob.job;
  }

  async pause(id: string): Promise<JobFields> {
    return this.#change('pauseJob', 'PauseJobInput', { jobId: id });
  }

  async resume(id: string): Promise<JobFields> {
    return this.#change('resumeJob', 'ResumeJobInput', { jobId: id });
  }

  async signal(id: string, signal: string): Promise<JobFields> {
    return this.#change('signalJob', 'SignalJobInput', { jobId: id, signal });
  }

  async #change(name: string, type: string, input: unknown): Promise<JobFields> {
    const document = `mutation ($input: ${type}!) { change: ${name}(input: $input) { job { ${FIELDS} } } }`;
    return (await this.query<{ change: { job: JobFields } }>(document, { input })).change.job;
  }

  /** The job as soon as it runs. */
  async running(id: string): Promise<JobFields> {
    const document = 'subscription ($id: ID!) { jobUpdated(jobId: $id) { status } }';
    for await (const data of this.subscribe(document, { id }))
      if ((data as { jobUpdated: { status: string } }).jobUpdated.status !== 'QUEUED') break;
    return this.job(id);
  }

  async job(id: string): Promise<JobFields> {
    return (await this.query<{ job: JobFields }>(`query ($id: ID!) { job(id: $id) { ${FIELDS} } }`, { id }))
      .job;
  }

  /** The job once it has ended, which a subscription over SSE reports. */
  async ended(id: string): Promise<JobFields> {
    for await (const _ of this.subscribe('subscription ($id: ID!) { jobUpdated(jobId: $id) { status } }', {
      id,
    }));
    return this.job(id);
  }

  /** Submits a job and waits for its end. */
  async run(input: Record<string, unknown>): Promise<JobFields> {
    return this.ended(await this.submit(input));
  }

  /**
   * Starts a shell that executes each line when what the one before it wrote is in the log. What is written to two
   * streams in between two reads of the supervisor has no order, however long the command sleeps.
   *
   * @param lines each with what it writes
   * @returns the id at once, and when the job has ended
   */
  async submitInTurn(
    lines: readonly (readonly [line: string, writes: string])[],
  ): Promise<{ readonly id: string; readonly ended: Promise<JobFields> }> {
    const command = lines.map(([line]) => line).join('; read -r _; ');
    const id = await this.submit({ command, openStdin: true });
    const write = 'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }';
    const logs = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
    const goOn = async (): Promise<JobFields> => {
      let missing = lines[0]?.[1].length ?? 0;
      let offset = 0;
      for await (const data of this.subscribe(logs, { id })) {
        const { entries } = (data as { logs: { entries: { text: string }[] } }).logs;
        for (const { text } of entries) missing -= text.length;
        if (missing > 0 || offset + 1 === lines.length) continue;
        await this.query(write, { input: { jobId: id, offset, text: '\n' } });
        offset += 1;
        missing += lines[offset]?.[1].length ?? 0;
      }
      return this.ended(id);
    };
    return { id, ended: goOn() };
  }

  /** All output of a job, decoded, as one text for each stream; without `follow` what there is by now. */
  async output(id: string, follow = true): Promise<{ stdout: string; stderr: string }> {
    const chunks: Record<string, Buffer[]> = { STDOUT: [], STDERR: [] };
    const document =
      'subscription ($id: ID!, $follow: Boolean!) { logs(jobId: $id, follow: $follow) { entries { stream bytes } } }';
    for await (const data of this.subscribe(document, { id, follow })) {
      const { logs } = data as { logs: { entries: { stream: string; bytes: string }[] } };
      for (const { stream, bytes } of logs.entries) chunks[stream]?.push(Buffer.from(bytes, 'base64'));
    }
    const text = (stream: string): string => Buffer.concat(chunks[stream] ?? []).toString();
    return { stdout: text('STDOUT'), stderr: text('STDERR') };
  }

  /** A subscription over SSE (graphql-sse's distinct connections mode), until it completes. */
  async *subscribe(query: string, variables: unknown = {}): AsyncGenerator<unknown> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${this.token}`,
      },
      body: JSON.stringify({ query, variables }),
    });
    if (response.body === null) throw new Error('an answer without a body');
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        if (/^event: complete/m.test(event)) return;
        // Not a dot: U+2028 is the end of a line for JavaScript, and not for SSE.
        const json = /^data: ([^\n]*)$/m.exec(event)?.[1];
        if (json === undefined || json === '') continue;
        const { data, errors } = JSON.parse(json) as Answer;
        if (errors !== undefined) throw new Error(errors.map(({ message }) => message).join('; '));
        yield data;
      }
    }
    throw new Error('the stream ended without a complete event');
  }
}

/**
 * Settles when what a process had written to standard error has been read: its exit, and what it wrote to another stream
 * later on, may be noticed first. Its end is not waited for, since other processes have that stream too. The event loop
 * looks at every stream in each turn, and this one may end before it has.
 */
const drained = async (): Promise<void> => {
  for (let turn = 0; turn < 2; turn++) await setImmediate();
};

/** @throws Error that has the text, and the head of the response, if it is no JSON */
const parseAnswer = (text: string, head: string): Answer => {
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    throw new Error(`expected JSON, got ${head}, ${text.length} characters: ${text.slice(0, 500)}`, {
      cause,
    });
  }
};

/** A line of the server's log. */
export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly jobId?: string;
  readonly code?: string;
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

const FIELDS = `id status exitCode signal limitExceeded error createdAt startedAt finishedAt pausedAt
  output { kept dropped }
  limitsHit { limit value peak unit ended evidence { file key value } message }
  limits { cpus cpuWeight cpuset memory swap pids disk timeout output }
  usage { cpuTime userTime systemTime memoryPeak pidsPeak oomKills forksRefused throttledTime }`;

export interface JobFields {
  readonly id: string;
  readonly status: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly limitExceeded: string | null;
  readonly error: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly pausedAt: string | null;
  readonly output: { readonly kept: number; readonly dropped: number } | null;
  readonly limitsHit: readonly {
    readonly limit: string;
    readonly value: number | null;
    readonly peak: number | null;
    readonly unit: string;
    readonly ended: boolean;
    readonly evidence: readonly {
      readonly file: string;
      readonly key: string | null;
      readonly value: number;
    }[];
    readonly message: string;
  }[];
  readonly limits: Record<string, number | string | null>;
  readonly usage: Record<string, number | null> | null;
}
