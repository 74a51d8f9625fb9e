/** A server whose jobs do what a test says. */

import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import type { Connection } from '../../src/client/connection.ts';
import type { SubmitJobInput } from '../../src/client/generated/operations.ts';

const typeDefs = readFileSync(join(import.meta.dirname, '../../schema/schema.graphql'), 'utf8');

export const TOKEN = 'a-token-of-the-test';

export interface FakeEntry {
  readonly stream: 'STDOUT' | 'STDERR';
  readonly bytes: Uint8Array;
}

/** A job that does what its test says. */
export class FakeJob {
  readonly id: string;
  readonly input: SubmitJobInput;
  readonly entries: FakeEntry[] = [];
  state: Readonly<Record<string, unknown>> = { status: 'RUNNING' };
  /** Only followers of the job listen for `change`: a test can wait until there are some. */
  readonly changes = new EventEmitter().setMaxListeners(0);
  /** Called at each change, before its followers. */
  onChange = (): void => undefined;

  constructor(id: string, input: SubmitJobInput) {
    this.id = id;
    this.input = input;
  }

  get ended(): boolean {
    return this.state['status'] !== 'RUNNING' && this.state['status'] !== 'QUEUED';
  }

  write(text: string | Uint8Array, stream: FakeEntry['stream'] = 'STDOUT'): this {
    this.entries.push({ stream, bytes: typeof text === 'string' ? Buffer.from(text) : text });
    this.#changed();
    return this;
  }

  end(state: Readonly<Record<string, unknown>>): this {
    this.state = state;
    this.#changed();
    return this;
  }

  #changed(): void {
    this.onChange();
    this.changes.emit('change');
  }

  get node(): object {
    const { command, argv, name, labels } = this.input;
    return {
      id: this.id,
      name,
      command,
      argv,
      image: 'alpine',
      owner: 'test',
      env: [],
      priority: 0,
      createdAt: '2026-01-02T03:04:05.000Z',
      labels: labels ?? [],
      limits: { disk: 1, io: [], timeout: 2, output: 3, outputPolicy: 'KILL' },
      limitsHit: [],
      pinned: false,
      attempt: 1,
      ...this.state,
    };
  }
}

/** A real GraphQL server that speaks the real schema, with jobs that nothing runs. */
export class FakeServer implements AsyncDisposable {
  readonly url = new URL('http://127.0.0.1/graphql');
  readonly jobs = new Map<string, FakeJob>();
  /** What `stopJob` was asked for, in order. */
  readonly stops: { jobId: string; gracePeriod?: unknown }[] = [];
  /** What each list of jobs was filtered by, in order. */
  readonly filters: object[] = [];
  /** What each `logs` subscription was asked for, in order. */
  readonly logRequests: { after?: string | null; tail?: number | null }[] = [];
  /** After which cursor each `jobEvents` subscription began, in order. */
  readonly eventRequests: string[] = [];
  readonly #changes: object[] = [];
  readonly #changed = new EventEmitter().setMaxListeners(0);
  /** Batches given out by all `logs` subscriptions. */
  batches = 0;
  /** Entries in a batch. */
  batchSize = 1;
  /** How a submitted job goes. */
  onSubmit: (job: FakeJob) => void = () => undefined;
  /** Where a job waits when it has been submitted. */
  queue: { readonly position: number | null; readonly reason: string } | null = null;
  /** `stopJob` answers when it has settled. */
  onStop: (job: FakeJob) => void | Promise<void> = (job) => {
    job.end({ status: 'STOPPED', signal: 'SIGTERM' });
  };
  /** Completes a `logs` subscription after this many batches, as a server that shuts down does. */
  completeAfter = Number.POSITIVE_INFINITY;
  readonly #http = createServer();
  readonly #sockets = new WebSocketServer({ server: this.#http, path: '/graphql' });

  static async start(): Promise<FakeServer> {
    const server = new FakeServer();
    server.#http.listen(0, '127.0.0.1');
    await once(server.#http, 'listening');
    // Listening on a TCP port: the address is of this kind.
    const { port } = server.#http.address() as AddressInfo;
    server.url.port = String(port);
    return server;
  }

  private constructor() {
    const schema = createSchema({ typeDefs, resolvers: this.#resolvers() });
    const yoga = createYoga<object, object>({
      schema,
      logging: false,
      maskedErrors: false,
      context: ({ request }) => {
        if (request.headers.get('authorization') !== `Bearer ${TOKEN}`) throw unauthenticated();
        return {};
      },
    });
    this.#http.on('request', yoga);
    useServer(
      {
        schema,
        onConnect: ({ connectionParams }) => connectionParams?.['authorization'] === `Bearer ${TOKEN}`,
      },
      this.#sockets,
    );
  }

  get connection(): Connection {
    return { url: this.url, token: TOKEN, tokenNote: 'the note', retryDelays: [1, 1, 1] };
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  job(id: string, input: SubmitJobInput = { command: 'true' }): FakeJob {
    const job = new FakeJob(id, input);
    job.onChange = () => this.#change(job);
    this.jobs.set(id, job);
    return job;
  }

  /** Breaks every connection: without a word, or each WebSocket with a close code. */
  drop(code?: number): void {
    this.#http.closeAllConnections();
    for (const socket of this.#sockets.clients) code === undefined ? socket.terminate() : socket.close(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    const closed = once(this.#http, 'close');
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }

  #find(id: string): FakeJob {
    const job = this.jobs.get(id);
    if (job === undefined)
      throw new GraphQLError(`no job with id "${id}"`, { extensions: { code: 'NOT_FOUND' } });
    return job;
  }

  #resolvers(): Resolvers {
    return {
      Query: {
        server: () => ({ eventCursor: String(this.#changes.length) }),
        job: (_: unknown, { id }: { id: string }) => this.jobs.get(id)?.node ?? null,
        jobs: (_: unknown, args: { first: number; after?: string; filter?: FakeFilter }) => {
          const { status, name, idPrefix } = args.filter ?? {};
          this.filters.push({ ...args.filter });
          const all = [...this.jobs.values()].filter(
            ({ id, input, state }) =>
              (status == null || status.includes(String(state['status']))) &&
              (name == null || input.name === name) &&
              (idPrefix == null || id.startsWith(idPrefix)),
          );
          const from = args.after == null ? 0 : all.findIndex(({ id }) => id === args.after) + 1;
          const page = all.slice(from, from + args.first);
          return {
            nodes: page.map(({ node }) => node),
            edges: page.map((job) => ({ cursor: job.id, node: job.node })),
            pageInfo: {
              hasNextPage: from + args.first < all.length,
              hasPreviousPage: from > 0,
              endCursor: page.at(-1)?.id ?? null,
            },
          };
        },
      },
      Mutation: {
        submitJob: (_: unknown, { input }: { input: SubmitJobInput }) => {
          const job = this.job(`job-${this.jobs.size + 1}`, input);
          const answer = { job: { ...job.node, queue: this.queue } };
          this.onSubmit(job);
          return answer;
        },
        stopJob: async (_: unknown, { input }: { input: { jobId: string; gracePeriod?: unknown } }) => {
          this.stops.push({ ...input });
          const job = this.#find(input.jobId);
          await this.onStop(job);
          return { job: job.node };
        },
      },
      Subscription: {
        logs: { subscribe: (_: unknown, args: LogArgs) => this.#logs(args) },
        jobEvents: {
          subscribe: (_: unknown, { after }: { after?: string | null }) => this.#events(after ?? undefined),
        },
        jobUpdated: { subscribe: (_: unknown, { jobId }: { jobId: string }) => this.#updates(jobId) },
      },
    };
  }

  async *#logs({ jobId, after, tail, stream, follow }: LogArgs): AsyncGenerator<object> {
    this.logRequests.push({ ...(after == null ? {} : { after }), ...(tail == null ? {} : { tail }) });
    const job = this.#find(jobId);
    let from = after == null ? Math.max(0, tail == null ? 0 : job.entries.length - tail) : Number(after);
    for (let sent = 0; sent < this.completeAfter; ) {
      const to = Math.min(job.entries.length, from + this.batchSize);
      const endOfLog = job.ended && to === job.entries.length;
      if (to > from || endOfLog) {
        const entries = job.entries.slice(from, to).map((entry, index) => ({
          stream: entry.stream,
          bytes: Buffer.from(entry.bytes).toString('base64'),
          text: Buffer.from(entry.bytes).toString('utf8'),
          time: `2026-01-02T03:04:05.${String(from + index).padStart(9, '0')}Z`,
          cursor: String(from + index + 1),
        }));
        from = to;
        sent += 1;
        this.batches += 1;
        yield {
          logs: {
            entries: entries.filter((entry) => stream == null || entry.stream === stream),
            cursor: String(to),
            endOfLog,
            droppedBytes: 0,
            damagedBytes: 0,
          },
        };
        if (endOfLog) return;
      } else if (follow) {
        await once(job.changes, 'change');
      } else {
        return;
      }
    }
  }

  /** Each change of a job that is there, after a cursor or from now on. */
  async *#events(after = String(this.#changes.length)): AsyncGenerator<object> {
    this.eventRequests.push(after);
    for (let number = Number(after); ; number += 1) {
      while (number >= this.#changes.length) await once(this.#changed, 'change');
      yield { jobEvents: { cursor: String(number + 1), ...this.#changes[number] } };
    }
  }

  #change(job: FakeJob): void {
    this.#changes.push({ time: '2026-01-02T03:04:05.000Z', status: job.state['status'], job: job.node });
    this.#changed.emit('change');
  }

  async *#updates(jobId: string): AsyncGenerator<object> {
    const job = this.#find(jobId);
    yield { jobUpdated: job.node };
    while (!job.ended) {
      await once(job.changes, 'change');
      yield { jobUpdated: job.node };
    }
  }
}

type Resolvers = Exclude<NonNullable<Parameters<typeof createSchema>[0]['resolvers']>, readonly unknown[]>;

interface FakeFilter {
  readonly status?: readonly string[];
  readonly name?: string;
  readonly idPrefix?: string;
}

interface LogArgs {
  readonly jobId: string;
  readonly after?: string | null;
  readonly tail?: number | null;
  readonly stream?: string | null;
  readonly follow: boolean;
}

const unauthenticated = (): GraphQLError =>
  new GraphQLError('sign in first', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
