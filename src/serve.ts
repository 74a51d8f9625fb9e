/** The command `cloister serve`: wires the parts of the server together. */

import { mkdirSync } from 'node:fs';
import { Audit } from './access/audit.ts';
import { Quotas } from './access/quotas.ts';
import { Rights } from './access/rights.ts';
import { Shares } from './access/shares.ts';
import { Tokens } from './access/tokens.ts';
import { openCells } from './cells/cells.ts';
import { openHost } from './cells/host.ts';
import { limitsContext } from './cells/limits-context.ts';
import { Cleanup } from './cleanup.ts';
import { checkDefaults, unknownVariables } from './config/checks.ts';
import type { ServeConfig } from './config/config.ts';
import type { Address } from './config/values.ts';
import type { Cells } from './jobs/cells.ts';
import { Changes } from './jobs/changes.ts';
import { Jobs } from './jobs/jobs.ts';
import { bothObserve, type JobObserver } from './jobs/observer.ts';
import { LogReaders } from './jobs/readers.ts';
import { Readiness } from './jobs/readiness.ts';
import { Removal } from './jobs/removal.ts';
import { Retention } from './jobs/retention.ts';
import type { JobStore } from './jobs/store.ts';
import { Supervision } from './jobs/supervision.ts';
import type { JobFiles } from './jobs/uploads.ts';
import type { Log } from './log.ts';
import { Signer } from './receipts/signer.ts';
import { checkAddress } from './server/listen.ts';
import { type Operator, serveOperator } from './server/operator.ts';
import { type RunningServer, startServer } from './server/server.ts';
import { adminToken, replaceAdminToken } from './state/admin-token.ts';
import { checkState } from './state/check.ts';
import { LinkKeys } from './state/link-keys.ts';
import { lockState } from './state/lock.ts';
import { statePaths } from './state/paths.ts';
import { receiptKeys } from './state/receipt-key.ts';
import { checkInBackground } from './store/background-check.ts';
import { DatabaseError } from './store/connection.ts';
import { isLarge } from './store/database.ts';
import { openStore } from './store/sqlite-store.ts';
import { Metrics } from './telemetry/metrics.ts';
import { openLog } from './telemetry/server-log.ts';
import { Tracing } from './telemetry/tracing.ts';
import { VERSION } from './version.ts';

/**
 * Runs the server until SIGTERM or SIGINT, then closes it gracefully: subscriptions complete, running jobs continue and
 * the next start finds them again, or they are stopped first, as `config.onStop` says.
 *
 * @throws Error when it cannot start; the message is for the person who started it
 */
export const serve = async (config: ServeConfig): Promise<void> => {
  const log = openLog(config.log);
  const cleanup = new Cleanup();
  const stop = new AbortController();
  const ask = (signal: NodeJS.Signals): void => stop.abort(signal);
  for (const signal of STOP_SIGNALS) process.once(signal, ask);
  try {
    const { server, jobs, token } = await start(config, cleanup, log, stop);
    announce(server, token, config);
    log(`Cloister ${VERSION} listens on ${server.url}`);
    await aborted(stop.signal);
    if (stop.signal.reason instanceof DatabaseError) throw stop.signal.reason;
    if (config.onStop === 'stop-jobs') await stopJobs(jobs, config, `${stop.signal.reason}`, log);
    else log(`${stop.signal.reason}: closing; running jobs continue`);
  } catch (error) {
    // It was asked to exit while it started: no failure.
    if (!stop.signal.aborted || stop.signal.reason instanceof DatabaseError) throw error;
  } finally {
    // From here on a signal ends the process at once.
    for (const signal of STOP_SIGNALS) process.off(signal, ask);
    await cleanup.run((error) => {
      log(`closing: ${error instanceof Error ? error.stack : error}`, { level: 'error' });
      process.exitCode = 1;
    });
  }
};

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

// What a supervisor may take after it killed its cell, and the store to take the end of the last job.
const ENDING_MS = 3000;

/** Stops what runs, while clients can still follow it. */
const stopJobs = async (
  jobs: Jobs,
  { stopGraceMs }: ServeConfig,
  signal: string,
  log: Log,
): Promise<void> => {
  const running = jobs.halt();
  log(
    `${signal}: stopping ${running.length} running jobs, which have ${stopGraceMs / 1000}s to end; jobs that wait are ` +
      'started by the next server',
  );
  const left = await jobs.stopAll(running, stopGraceMs, stopGraceMs + ENDING_MS);
  if (left.length > 0) log(`${left.length} jobs have not ended: ${left.join(', ')}`, { level: 'error' });
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

const start = async (
  config: ServeConfig,
  cleanup: Cleanup,
  log: Log,
  stop: AbortController,
): Promise<{ server: RunningServer; jobs: Jobs; token: string }> => {
  const { stateDir, launcher } = config;
  const { signal } = stop;
  for (const line of unknownVariables(process.env)) log(line, { level: 'warn' });
  checkDefaults(config);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  cleanup.add(lockState(stateDir, launcher));
  checkState(stateDir);
  // Before anything that takes time.
  await checkAddress(config.listen);
  if (config.metricsListen !== undefined) await checkAddress(config.metricsListen);

  const host = await openHost(config, cleanup, log);
  const limits = limitsContext(config, host.cgroups);
  // The output of jobs and the database are for the server's user alone.
  process.umask(0o077);
  const metrics = new Metrics();
  const tracing = await Tracing.open();
  if (tracing !== undefined) log('an OpenTelemetry SDK was loaded: requests and jobs are traced');
  const { database } = statePaths(stateDir);
  const store = openStore(database, {
    committed: (ms) => metrics.committed(ms),
    failed: (error) => stop.abort(error),
    warn: (error) =>
      log(`the write-ahead log could not be copied into the database: ${error.message}`, { level: 'warn' }),
  });
  cleanup.add(() => store.close());
  if (isLarge(database))
    cleanup.add(
      checkInBackground(database, {
        damaged: (error) => stop.abort(error),
        failed: (error) => log(`the database was not checked: ${error.message}`, { level: 'error' }),
      }),
    );
  const open = await store.unfinished();
  const quotas = await Quotas.open(store.quotas, {
    ...config.quotas,
    subscriptions: config.clients.streams.perSubject,
    connections: config.clients.connections.perSubject,
  });
  const { cells, images, files } = await openCells(config, host, limits, {
    store: store.images,
    files: { store: store.files, quota: (subject) => quotas.of(subject).filesBytes },
    open,
    log,
    signal,
    cleanup,
  });
  await moveStdin(store, cells);
  const { jobs, supervision, removal } = await openJobs({
    config,
    store,
    cells,
    files,
    cleanup,
    log,
    observer: tracing === undefined ? metrics : bothObserve(metrics, tracing),
    quotas,
  });
  cleanup.add(quotas.onChange(() => supervision.reconsider()));

  const token = adminToken(stateDir);
  const rights = new Rights();
  const tokens = await Tokens.open({
    store: store.tokens,
    adminSecret: token,
    replaceAdminSecret: (secret) => replaceAdminToken(stateDir, secret),
    rights,
    log,
  });
  cleanup.add(() => tokens.close());
  const shares = await Shares.open({ store: store.shares, rights });
  cleanup.add(removal.onRemoved((ids) => shares.forget(ids)));
  const audit = new Audit({
    store: store.audit,
    log,
    keepMs: config.auditKeptMs,
    tokenName: (identity) => tokens.of(identity)?.name ?? null,
  });
  cleanup.add(() => audit.close());
  const linkKeys = await LinkKeys.open(stateDir, { log });
  cleanup.add(() => linkKeys[Symbol.dispose]());
  const readiness = new Readiness({ store, cells });
  const operator: Operator = { ready: () => readiness.parts(), metrics };
  const server = await startServer({
    listen: config.listen,
    socketPath: statePaths(stateDir).socket,
    allowedHosts: config.allowedHosts,
    basePath: config.basePath,
    allowedOrigins: config.allowedOrigins,
    proxy: config.proxy,
    ...config.clients,
    jobs,
    images,
    files,
    linkKeys,
    tokens,
    quotas,
    audit,
    shares,
    publicUrl: config.publicUrl,
    rights,
    tls: config.tls,
    rolesPath: config.rolesPath,
    log,
    slowMs: config.log.slowMs,
    onOutcome: (outcome) => metrics.request(outcome),
    tracer: tracing,
    operator,
  });
  cleanup.add(() => server.close());
  metrics.measure({
    queuedJobs: () => supervision.waiting,
    runningJobs: () => supervision.running,
    subscriptions: () => server.open.subscriptions,
    connections: () => server.open.connections,
    prepared: () => cells.prepared,
    disk: () => cells.freeSpace(),
    cgroup: () => cells.totals(),
  });
  if (config.metricsListen !== undefined)
    await listenForMetrics(config.metricsListen, operator, { config, cleanup, log });
  return { server, jobs, token };
};

const listenForMetrics = async (
  address: Address,
  operator: Operator,
  { config: { allowedHosts }, cleanup, log }: Pick<Wiring, 'config' | 'cleanup' | 'log'>,
): Promise<void> => {
  const failed = (error: unknown) => log(`metrics: ${error}`, { level: 'error' });
  const { port, close } = await serveOperator(address, operator, { allowedHosts, failed });
  cleanup.add(close);
  log(`metrics are served at port ${port} of ${address.host}`, { port });
};

/** Moves what an earlier version kept in its database to where it belongs, one after the other: each may be large. */
const moveStdin = async (store: JobStore, cells: Cells): Promise<void> => {
  for (let next = await store.stdinToMove(); next !== undefined; next = await store.stdinToMove()) {
    await cells.keepInput(next.id, { stdin: next.text });
    await store.stdinMoved(next.id);
  }
};

interface Wiring {
  readonly config: ServeConfig;
  readonly store: JobStore;
  readonly cells: Cells;
  readonly files: JobFiles;
  readonly cleanup: Cleanup;
  readonly log: Log;
  readonly observer: JobObserver;
  readonly quotas: Quotas;
}

/** Assembles the job service and recovers the jobs that an earlier server left. */
const openJobs = async ({
  config,
  store,
  cells,
  files,
  cleanup,
  log,
  observer,
  quotas,
}: Wiring): Promise<{ jobs: Jobs; supervision: Supervision; removal: Removal }> => {
  const readers = new LogReaders();
  const removal = new Removal({ store, cells, readers, log });
  cleanup.add(() => removal.close());
  const changes = await Changes.open(store, log);
  cleanup.add(() => changes.close());
  const supervision = new Supervision({ store, cells, log, queue: config.queue, quotas, observer });
  cleanup.add(() => supervision.close());
  const parts = { store, cells, files, supervision, readers, removal, changes, quotas, observer };
  const { privateKey, publicKeys } = await receiptKeys(config.stateDir);
  const jobs = new Jobs({ ...parts, signer: new Signer(privateKey, publicKeys), version: VERSION });
  // Folders of deleted jobs stay until their followers have ended, so followers are ended first.
  cleanup.add(() => jobs.close());
  await supervision.recover();
  await removal.recover();
  const retention = new Retention({ settings: config.retention, store, cells, removal, log });
  cleanup.add(() => retention.close());
  return { jobs, supervision, removal };
};

/**
 * Writes to standard output where the server is and how to sign in. The token itself, as part of a link, goes to a
 * terminal only: redirected output ends up in logs that others read.
 */
const announce = (server: RunningServer, token: string, config: ServeConfig): void => {
  const everywhere = ['0.0.0.0', '::'].includes(server.address.address);
  const lines = [
    `Cloister ${VERSION} listens on ${server.url}${everywhere ? ' and every other address of this machine' : ''}`,
    process.stdout.isTTY ? `GraphiQL, signed in: ${server.url}#token=${token}` : `GraphiQL: ${server.url}`,
    `Token: ${statePaths(config.stateDir).token}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
};
