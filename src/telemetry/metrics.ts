/** The metrics of the server, in the format of Prometheus. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isFinalStatus, JOB_STATUSES } from '../job-status.ts';
import { VERSION } from '../version.ts';

/** What is measured whenever the metrics are read; `null` where this machine does not count it. */
export interface Measured {
  readonly queuedJobs: () => number;
  readonly runningJobs: () => number;
  readonly subscriptions: () => number;
  readonly connections: () => number;
  /** Prepared cells: how many wait for a job, and how many jobs were started in one. */
  readonly prepared: () => { readonly waiting: number; readonly used: number };
  /** What is free on the disk of the state folder; infinite files where the file system has no fixed number. */
  readonly disk: () => { readonly bytes: number; readonly files: number };
  /** The counters of the cgroup of all jobs together. */
  readonly cgroup: () => Promise<CgroupTotals | null>;
}

/** What all jobs together use; times include jobs that have ended. */
export interface CgroupTotals {
  readonly cpuTimeUs: number;
  readonly memoryBytes: number | null;
  readonly processes: number | null;
}

/** The buckets of histograms, in seconds: from a commit on a fast disk to a job that waits for a day. */
const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const REQUEST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const WAIT = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/**
 * Counts what happens. Every label has values of a closed set, and never a job, a subject or a text of a client, so
 * that the number of series does not grow with what clients do. It is a `JobObserver` of the job service.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #submitted: Counter;
  readonly #ended: Counter<'status'>;
  readonly #wait: Histogram;
  readonly #latency: Histogram;
  readonly #written: Counter;
  readonly #delivered: Counter;
  readonly #requests: Counter<'operation' | 'field' | 'code'>;
  readonly #durations: Histogram<'operation'>;
  readonly #commits: Histogram;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      registers,
      name: 'cloister_info',
      help: 'The version, as a label.',
      labelNames: ['version'],
    }).set({ version: VERSION }, 1);
    this.#submitted = new Counter({
      registers,
      name: 'cloister_jobs_submitted_total',
      help: 'Jobs that were accepted, further attempts included.',
    });
    this.#ended = new Counter({
      registers,
      name: 'cloister_jobs_ended_total',
      help: 'Jobs that have ended, by their final status.',
      labelNames: ['status'],
    });
    for (const status of JOB_STATUSES) if (isFinalStatus(status)) this.#ended.inc({ status }, 0);
    this.#wait = new Histogram({
      registers,
      name: 'cloister_queue_wait_seconds',
      help: 'How long jobs waited for their turn, from their submission or startAfter.',
      buckets: WAIT,
    });
    this.#latency = new Histogram({
      registers,
      name: 'cloister_start_latency_seconds',
      help: 'Time from the turn of a job until its command is executed.',
      buckets: FAST,
    });
    this.#written = new Counter({
      registers,
      name: 'cloister_log_written_bytes_total',
      help: 'Output kept in the logs of jobs, counted when they end.',
    });
    this.#delivered = new Counter({
      registers,
      name: 'cloister_log_delivered_bytes_total',
      help: 'Output that was read from logs for clients.',
    });
    this.#requests = new Counter({
      registers,
      name: 'cloister_requests_total',
      help: 'Operations and refused requests, by type, root field of the schema, and code of the first error or OK.',
      labelNames: ['operation', 'field', 'code'],
    });
    this.#durations = new Histogram({
      registers,
      name: 'cloister_request_duration_seconds',
      help: 'Time until the answer to an operation was made; for a subscription, until it was open.',
      labelNames: ['operation'],
      buckets: REQUEST,
    });
    this.#commits = new Histogram({
      registers,
      name: 'cloister_store_commit_seconds',
      help: 'Time of a transaction of the database, with its wait for the disk.',
      buckets: FAST,
    });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** All metrics as they are now, as the text that Prometheus reads. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Adds the metrics whose values are looked up each time that the metrics are read. */
  measure({ queuedJobs, runningJobs, subscriptions, connections, prepared, disk, cgroup }: Measured): void {
    const gauge = (name: string, help: string, value: () => number): void => {
      new Gauge({
        registers: [this.#registry],
        name,
        help,
        collect() {
          this.set(value());
        },
      });
    };
    gauge('cloister_jobs_queued', 'Jobs that wait.', queuedJobs);
    gauge('cloister_jobs_running', 'Jobs that have a cell.', runningJobs);
    gauge('cloister_subscriptions', 'Subscriptions that are open, over SSE and WebSocket.', subscriptions);
    gauge('cloister_connections', 'Connections that have authenticated.', connections);
    gauge('cloister_cells_prepared', 'Cells that wait for a job.', () => prepared().waiting);
    new Counter({
      registers: [this.#registry],
      name: 'cloister_cells_prepared_used_total',
      help: 'Jobs that were started in a cell that had waited for one.',
      collect() {
        this.reset();
        this.inc(prepared().used);
      },
    });
    gauge(
      'cloister_disk_free_bytes',
      'Bytes that are free on the disk of the state folder.',
      () => disk().bytes,
    );
    gauge(
      'cloister_disk_free_files',
      'Files that can be made on the disk of the state folder.',
      () => disk().files,
    );
    const registers = [this.#registry];
    const memory = new Gauge({
      registers,
      name: 'cloister_cgroup_memory_bytes',
      help: 'Memory of all cells, with those that wait for a job.',
    });
    const processes = new Gauge({
      registers,
      name: 'cloister_cgroup_processes',
      help: 'Processes and threads of all cells; one that waits for a job has one.',
    });
    new Counter({
      registers,
      name: 'cloister_cgroup_cpu_seconds_total',
      help: 'CPU time of all cells, of those that have ended too.',
      async collect() {
        const totals = await cgroup();
        // Where nothing is counted there is no value: 0 would be wrong.
        memory.reset();
        processes.reset();
        this.reset();
        this.inc(totals === null ? Number.NaN : totals.cpuTimeUs / 1e6);
        memory.set(totals?.memoryBytes ?? Number.NaN);
        processes.set(totals?.processes ?? Number.NaN);
      },
    });
  }

  /** As of `JobObserver`. */
  submitted(): void {
    this.#submitted.inc();
  }

  /** As of `JobObserver`. */
  turn(_id: string, waitedMs: number): void {
    this.#wait.observe(Math.max(0, waitedMs) / 1000);
  }

  /** As of `JobObserver`. */
  started(_id: string, latencyMs: number): void {
    this.#latency.observe(Math.max(0, latencyMs) / 1000);
  }

  /** As of `JobObserver`. */
  ended(
    _job: unknown,
    end: { readonly status: string; readonly output?: { readonly keptBytes: number } | null },
  ): void {
    this.#ended.inc({ status: end.status });
    this.#written.inc(end.output?.keptBytes ?? 0);
  }

  /** As of `JobObserver`. */
  delivered(bytes: number): void {
    this.#delivered.inc(bytes);
  }

  /** Counts an operation, or a request that was refused. Its texts are values of closed sets. */
  request(outcome: {
    readonly type: string;
    readonly field: string;
    readonly code: string;
    readonly durationMs: number;
  }): void {
    const { type, field, code, durationMs } = outcome;
    this.#requests.inc({ operation: type, field, code });
    if (type !== 'none') this.#durations.observe({ operation: type }, durationMs / 1000);
  }

  /** Counts a transaction of the database. */
  committed(durationMs: number): void {
    this.#commits.observe(durationMs / 1000);
  }
}
