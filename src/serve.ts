import { mkdirSync } from 'node:fs';
import { JobFolders } from './cells/folders.ts';
import { openHost } from './cells/host.ts';
import { prepareImages } from './cells/images.ts';
import { planLaunch } from './cells/launch.ts';
import { limitsContext } from './cells/limits-context.ts';
import { Cleanup } from './cleanup.ts';
import { checkDefaults, unknownVariables } from './config/checks.ts';
import type { ServeConfig } from './config/config.ts';
import { Changes } from './jobs/changes.ts';
import { Jobs } from './jobs/jobs.ts';
import type { LimitsContext } from './jobs/limits.ts';
import { LogReaders } from './jobs/readers.ts';
import { Removal } from './jobs/removal.ts';
import { Retention } from './jobs/retention.ts';
import type { JobStore } from './jobs/store.ts';
import { Supervision } from './jobs/supervision.ts';
import {
  type Cgroups,
  cgroupSettings,
  hugePageSettings,
  parseUsage,
  readUsage,
  removeCgroup,
  sweep,
  USAGE_FILES,
} from './runtime/cgroup/index.ts';
import type { CellIds, IdSlots } from './runtime/ids/index.ts';
import { encodePlan, plannedUids } from './runtime/protocol/plan.ts';
import { Spawner } from './runtime/protocol/spawner.ts';
import { cellFilter } from './runtime/seccomp/index.ts';
import { checkAddress } from './server/listen.ts';
import { type RunningServer, startServer } from './server/server.ts';
import { adminToken } from './state/admin-token.ts';
import { lockState } from './state/lock.ts';
import { statePaths } from './state/paths.ts';
import { openStore } from './store/sqlite-store.ts';
import { VERSION } from './version.ts';

type Log = (line: string) => void;

/**
 * Runs the server until SIGTERM or SIGINT, then closes it in good order: subscriptions complete, running jobs
 * go on, and the next start finds them again.
 *
 * @throws Error when it cannot start; the message is meant for whoever started it
 */
export const serve = async (config: ServeConfig): Promise<void> => {
  const log: Log = (line) => process.stderr.write(`${line}\n`);
  const cleanup = new Cleanup();
  const stop = new AbortController();
  const ask = (signal: NodeJS.Signals): void => stop.abort(signal);
  for (const signal of STOP_SIGNALS) process.once(signal, ask);
  try {
    const { server, token } = await start(config, cleanup, log, stop.signal);
    announce(server, token, config);
    await aborted(stop.signal);
    log(`${stop.signal.reason}: closing; running jobs go on`);
  } catch (error) {
    // Asked to end while it started: that is no failure.
    if (!stop.signal.aborted) throw error;
  } finally {
    // From here on a signal ends the process at once.
    for (const signal of STOP_SIGNALS) process.off(signal, ask);
    await cleanup.run((error) => {
      log(`closing: ${error instanceof Error ? error.stack : error}`);
      process.exitCode = 1;
    });
  }
};

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

const start = async (
  config: ServeConfig,
  cleanup: Cleanup,
  log: Log,
  signal: AbortSignal,
): Promise<{ server: RunningServer; token: string }> => {
  const { stateDir, launcher } = config;
  for (const line of unknownVariables(process.env)) log(line);
  checkDefaults(config);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  cleanup.add(lockState(stateDir, launcher));
  // Before anything that takes time.
  await checkAddress(config.listen);

  const { ids, slots, clocks, devices, cgroups } = await openHost(config, cleanup, log);
  const limits = limitsContext(config, cgroups);
  // What is written, jobs' output and the database, is for the server's user alone.
  process.umask(0o077);
  const store = openStore(statePaths(stateDir).database);
  cleanup.add(() => store.close());
  const folders = new JobFolders(stateDir);
  const unusedBefore = await oldestStart(store, folders);
  const images = await prepareImages(config, ids, { unusedBefore, log, signal });
  const parts = { images, ids, slots, clocks, devices, cgroups, limits, store, folders, cleanup, log };
  const jobs = await openJobs(config, parts);

  const token = adminToken(stateDir);
  const server = await startServer({
    listen: config.listen,
    socketPath: statePaths(stateDir).socket,
    allowedHosts: config.allowedHosts,
    jobs,
    token,
    log,
  });
  cleanup.add(() => server.close());
  return { server, token };
};

/** No job that may still run was started before then, in milliseconds since 1970; never, when none runs at all. */
const oldestStart = async (store: JobStore, folders: JobFolders): Promise<number> => {
  const open = await store.inStatus(['QUEUED', 'RUNNING']);
  const started = open.filter(({ id, state }) => state.status === 'RUNNING' || folders.exists(id));
  const created = started.map(({ createdAt }) => createdAt.getTime());
  return Math.min(Number.MAX_SAFE_INTEGER, ...created);
};

interface Parts {
  readonly images: ReadonlyMap<string, string>;
  readonly ids: CellIds;
  readonly slots: IdSlots | undefined;
  readonly clocks: boolean;
  readonly devices: boolean;
  readonly cgroups: Cgroups;
  readonly limits: LimitsContext;
  readonly store: JobStore;
  readonly folders: JobFolders;
  readonly cleanup: Cleanup;
  readonly log: Log;
}

/** Puts the job service together and takes up the jobs that an earlier server left. */
const openJobs = async (config: ServeConfig, parts: Parts): Promise<Jobs> => {
  const { images, ids, slots, clocks, devices, cgroups, limits, store, folders, cleanup, log } = parts;
  const changes = new Changes();
  const spawner = new Spawner({
    launcher: config.launcher,
    enter: ids.enter,
    jobs: folders.jobs,
    cgroup: cgroups.supervisors ?? '',
  });
  cleanup.add(() => spawner.close());
  const seccomp = cellFilter();
  const withoutHugePages = hugePageSettings();
  const readers = new LogReaders();
  const removal = new Removal({ store, folders, readers, log });
  cleanup.add(() => removal.close());
  const supervision = new Supervision({
    store,
    folders,
    spawner,
    changes,
    log,
    queue: {
      ...config.queue,
      // A job that runs has a range of ids.
      maxRunning: Math.min(config.queue.maxRunning, slots?.count ?? config.queue.maxRunning),
    },
    ids: {
      adopt: (id) => slots?.adopt(id, plannedUids(folders.plan(id))),
      release: (id) => slots?.release(id),
    },
    remains: {
      usage: parseUsage,
      remove: async (id) => {
        const path = cgroups.jobPath(id);
        if (path !== null) await removeCgroup(path);
      },
    },
    plan: (job) => {
      const tree = images.get(job.spec.image);
      if (tree === undefined) throw new Error(`there is no image ${JSON.stringify(job.spec.image)} any more`);
      const path = cgroups.jobPath(job.id);
      const settings = [...cgroupSettings(job.spec.limits, cgroups.controllers), ...withoutHugePages];
      const cgroup = path === null ? null : { path, settings, collect: USAGE_FILES };
      return encodePlan(
        planLaunch(job, { tree, cgroup, ids: slots?.take(job.id) ?? ids, clocks, devices, seccomp }),
      );
    },
  });
  cleanup.add(() => supervision.close());
  const jobs = new Jobs({
    store,
    folders,
    supervision,
    readers,
    removal,
    changes,
    request: {
      image: (name) => images.get(name),
      imageNames: [...images.keys()],
      ids,
      limits,
    },
    liveUsage: async (id) => {
      const path = cgroups.jobPath(id);
      return path === null ? null : readUsage(path);
    },
    info: {
      version: VERSION,
      startedAt: new Date(),
      cgroup: { path: cgroups.path, controllers: cgroups.controllers },
    },
  });
  // Followers hold back the folders of what was deleted until they leave: they are ended before it.
  cleanup.add(() => jobs.close());
  await supervision.recover();
  await removal.recover();
  const retention = new Retention({ settings: config.retention, store, folders, removal, log });
  cleanup.add(() => retention.close());
  const { left } =
    cgroups.jobs === null ? { left: [] } : await sweep(cgroups.jobs, (id) => supervision.holds(id));
  for (const { id, reason } of left) log(`the cgroup of job ${id} could not be removed: ${reason}`);
  return jobs;
};

/**
 * Writes to standard output where the server is, and how to get in. The token itself, as part of a link, only a terminal
 * gets: what is redirected ends in logs that others read.
 */
const announce = (server: RunningServer, token: string, config: ServeConfig): void => {
  const lines = [
    `Cloister ${VERSION} listens on ${server.url}`,
    process.stdout.isTTY ? `GraphiQL, signed in: ${server.url}#token=${token}` : `GraphiQL: ${server.url}`,
    `Token: ${statePaths(config.stateDir).token}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
};
