/** The cells of this machine: what jobs need, done with folders, cgroups and supervisors. */

import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { getSystemErrorMap, getSystemErrorMessage } from 'node:util';
import { FairLimit } from '../async/fair-limit.ts';
import { type PathWatch, watchPath } from '../async/watch-path.ts';
import type { ServeConfig } from '../config/config.ts';
import { saysDiskFull } from '../errno.ts';
import {
  type ArtifactContent,
  type CellConnection,
  type CellEnd,
  type CellEvents,
  CellGone,
  CellRefusal,
  type Cells,
  type CellTotals,
  FileRefusal,
  type FreeSpace,
  INPUT_REFUSALS,
  InputRefusal,
  type Isolation,
  type JobInput,
  type LogFollow,
  type LogRead,
  StartFailure,
} from '../jobs/cells.ts';
import type { FileStore } from '../jobs/file.ts';
import type { Image, ImageStore } from '../jobs/image.ts';
import type { Job, Usage, WholeJob } from '../jobs/job.ts';
import type { LimitsContext, RequestContext } from '../jobs/offer.ts';
import { hasSecrets, withSecrets } from '../jobs/secrets.ts';
import { StoreFullError, type Unfinished } from '../jobs/store.ts';
import type { Log } from '../log.ts';
import type { FilesAnswer, FilesRequest } from '../runtime/cell-file.ts';
import {
  cgroupSettings,
  hugePageSettings,
  parseUsage,
  readNumber,
  readUsage,
  removeCgroup,
  sweep,
  USAGE_FILES,
} from '../runtime/cgroup/index.ts';
import { describeStep, isOfHost } from '../runtime/launch-failure.ts';
import { logDigests } from '../runtime/log/digest.ts';
import { followLog } from '../runtime/log/follow.ts';
import type { LogBatch, LogDigests, LogStream, TerminalSize } from '../runtime/log/page.ts';
import { checkCursor, lineCount, readLogPage } from '../runtime/log/reader.ts';
import { searchLog } from '../runtime/log/search.ts';
import { ownNamespaces } from '../runtime/namespaces.ts';
import { Control, ControlError, ControlGone } from '../runtime/protocol/control.ts';
import { type ExitRecord, type LaunchFailure, parseExitRecord } from '../runtime/protocol/exit-record.ts';
import { askForFiles, FilesError } from '../runtime/protocol/files.ts';
import { parseIsolation } from '../runtime/protocol/isolation.ts';
import { encodePlan, plannedCgroup, plannedJoin, plannedUids } from '../runtime/protocol/plan.ts';
import { SpawnError, Spawner } from '../runtime/protocol/spawner.ts';
import { cellFilter } from '../runtime/seccomp/index.ts';
import { openContent } from './artifact-content.ts';
import { Files } from './files.ts';
import { JobFolders } from './folders.ts';
import type { Host } from './host.ts';
import { Images, prepareImages } from './images.ts';
import { KeptFiles } from './kept-files.ts';
import { canOwnFiles, type JobPlan, planLaunch } from './launch.ts';
import type { LoneCellHost } from './lone-cell.ts';
import { outcome } from './outcome.ts';
import { type PreparedCell, PreparedCells } from './prepared.ts';
import { StdinFiles } from './stdin.ts';
import { unpackCgroup } from './unpack.ts';

/** What the cells of this machine are opened with. */
export interface CellsOptions {
  /** Where the images that were added are recorded. */
  readonly store: ImageStore;
  /** Where the contents of files are recorded, and how many bytes of them a subject may have. */
  readonly files: { readonly store: FileStore; readonly quota: (subject: string) => number | null };
  /** Jobs that have not ended, as far as is known: their cgroups and images are kept. */
  readonly open: readonly Unfinished[];
  readonly log: Log;
  /** Aborted when the server is asked to exit while it starts. */
  readonly signal: AbortSignal;
  /** Collects what to undo when the server exits, last first. */
  readonly cleanup: { add(step: () => unknown): void };
}

/**
 * Prepares the images of this machine's cells.
 *
 * @throws ImageError
 */
export const openCells = async (
  config: ServeConfig,
  host: Host,
  limits: LimitsContext,
  { store, files: given, open, log, signal, cleanup }: CellsOptions,
): Promise<{ readonly cells: Cells; readonly images: Images; readonly files: Files }> => {
  const folders = new JobFolders(config.stateDir);
  const unusedBeforeMs = oldestStartMs(open, folders);
  const builtIns = await prepareImages(config, host.ids, { unusedBeforeMs, log, signal });
  const { ids, devices, cgroups } = host;
  const own: LoneCellHost = {
    launcher: config.launcher,
    ids,
    devices,
    cgroup: (name, filesBytes) => {
      const path = cgroups.jobPath(name);
      return path === null ? null : unpackCgroup(path, cgroups.controllers, filesBytes);
    },
    supervisors: cgroups.supervisors,
  };
  const images = await Images.open(
    {
      store,
      ids,
      stateDir: config.stateDir,
      log,
      registry: config.registry,
      limits: config.imageLimits,
      host: own,
    },
    builtIns,
  );
  cleanup.add(() => images.close());
  const files = await Files.open({
    ...given,
    stateDir: config.stateDir,
    limits: config.fileLimits,
    free: () => folders.free(),
    log,
  });
  cleanup.add(() => files.close());
  const cells = new LocalCells({
    launcher: config.launcher,
    host,
    limits,
    mostStdinBytes: config.mostStdinBytes,
    folders,
    stdin: new StdinFiles(config.stateDir),
    secrets: new StdinFiles(config.stateDir, 'secrets'),
    files,
    images,
    keptFiles: new KeptFiles({
      host: own,
      folder: folders.jobs,
      layer: (id) => folders.layer(id),
      image: ({ spec }) => images.ofJob(spec.image, spec.imageDigest),
    }),
    mostPrepared: config.preparedCells,
    log,
  });
  cleanup.add(() => cells.close());
  return { cells, images, files };
};

/** No job that may still run was started before this time, in milliseconds since 1970; infinite when none runs. */
const oldestStartMs = (open: readonly Unfinished[], folders: JobFolders): number => {
  const started = open.filter(({ id, status }) => status === 'RUNNING' || folders.exists(id));
  return Math.min(Number.MAX_SAFE_INTEGER, ...started.map(({ createdAt }) => createdAt.getTime()));
};

/** A job that takes longer does not belong to a burst of short ones. */
const YOUNG_MS = 50;
const PROCESSORS = availableParallelism();

/** The parts that `LocalCells` consists of. */
export interface LocalCellsOptions {
  /** Path of the `cell` binary. */
  readonly launcher: string;
  readonly host: Host;
  readonly limits: LimitsContext;
  readonly mostStdinBytes: number;
  readonly folders: JobFolders;
  readonly stdin: StdinFiles;
  readonly secrets: StdinFiles;
  readonly files: Pick<Files, 'give'>;
  readonly images: Images;
  readonly keptFiles: KeptFiles;
  /** How many cells are made before their jobs are known. */
  readonly mostPrepared: number;
  readonly log: Log;
}

/** Cells of this machine. What is known of one is in its folder, so that another server finds it there. */
export class LocalCells implements Cells {
  readonly request: RequestContext;
  readonly mostCells: number;
  readonly cgroup: Cells['cgroup'];
  readonly #host: Host;
  readonly #folders: JobFolders;
  readonly #stdin: StdinFiles;
  readonly #secrets: StdinFiles;
  readonly #files: Pick<Files, 'give'>;
  readonly #images: Images;
  readonly #keptFiles: KeptFiles;
  readonly #log: Log;
  readonly #spawner: Spawner;
  readonly #seccomp = cellFilter();
  readonly #withoutHugePages = hugePageSettings();
  readonly #exits: PathWatch;
  readonly #listeners = new Set<(id: string) => void>();
  /** For each job that runs in the cell of another one, that other job. */
  readonly #parents = new Map<string, string>();
  /** A supervisor carries out some more requests for files at once (`FILES_AT_ONCE` of its files.h). */
  readonly #filesTurns = new FairLimit(FILES_AT_ONCE);
  readonly #prepared: PreparedCells;
  /** The cgroups of jobs that are not called by their ids: those of prepared cells. */
  readonly #paths = new Map<string, string>();
  /** Jobs whose command has not been executed yet. */
  readonly #starting = new Set<string>();
  /** Jobs that have not ended and were started a moment ago, in milliseconds of `performance.now()`. */
  readonly #young = new Map<string, number>();
  /** Jobs that were given no files and leave none, and whether their supervisors have written a record. */
  readonly #plain = new Map<string, boolean>();
  #namespaces: ReturnType<typeof ownNamespaces> | undefined;

  constructor(options: LocalCellsOptions) {
    const { launcher, host, limits, mostStdinBytes, folders, stdin, secrets, files, images, log } = options;
    const { ids, slots, cgroups } = host;
    const mostPrepared = Math.min(options.mostPrepared, Math.floor((slots?.count ?? Infinity) / 4));
    this.#host = host;
    this.#folders = folders;
    this.#stdin = stdin;
    this.#secrets = secrets;
    this.#files = files;
    this.#images = images;
    this.#keptFiles = options.keptFiles;
    this.#log = log;
    this.request = {
      image: (name) => images.offered(name),
      get imageNames() {
        return images.sharedNames;
      },
      idsRemedy: ids.remedy,
      limits,
      mostStdinBytes,
    };
    // Each running job has a range of ids, and so has a cell that waits for one.
    this.mostCells = slots === undefined ? Number.POSITIVE_INFINITY : slots.count - mostPrepared;
    this.cgroup = { path: cgroups.path, controllers: cgroups.controllers };
    this.#spawner = new Spawner({
      launcher,
      enter: ids.enter,
      jobs: folders.jobs,
      cgroup: cgroups.supervisors ?? '',
    });
    this.#prepared = new PreparedCells({
      most: mostPrepared,
      spawner: this.#spawner,
      folders,
      ids: (name) => slots?.take(name) ?? ids,
      release: (name) => slots?.release(name),
      cgroup: (name) => cgroups.jobPath(name),
      busy: () => this.#isBusy(),
      log: (message) => log(message, { level: 'warn' }),
    });
    images.onRemoval(() => this.#prepared.clear());
    const { exits } = folders;
    this.#exits = watchPath(exits, {
      change: (_event, name) => {
        const ids = name === null ? readdirSync(exits) : [name];
        for (const id of ids) for (const listener of [...this.#listeners]) listener(id);
      },
      error: (error) => log(`watching ${exits}: ${error.message}`, { level: 'error' }),
    });
  }

  saveImage({ id, owner, spec }: Job, name: string): Promise<Image> {
    const { image, imageDigest } = spec;
    return this.#images.save({ name, owner, job: id, image, imageDigest, folder: this.#folders.layer(id) });
  }

  holdImage(digest: string): () => void {
    return this.#images.hold(digest);
  }

  freeSpace(): FreeSpace {
    return this.#folders.free();
  }

  async probe(): Promise<void> {
    await this.#spawner.probe(PROBE);
  }

  async totals(): Promise<CellTotals | null> {
    const { jobs } = this.#host.cgroups;
    const usage = jobs === null ? null : await readUsage(jobs);
    if (jobs === null || usage === null) return null;
    return {
      cpuTimeUs: usage.cpuTimeUs,
      memoryBytes: usage.memoryCurrentBytes,
      processes: await readNumber(jobs, 'pids.current'),
    };
  }

  async keepInput(id: string, { stdin, secrets }: JobInput): Promise<void> {
    if (stdin !== undefined) await this.#stdin.keep(id, stdin);
    if (typeof secrets === 'string') await this.#secrets.keep(id, secrets);
  }

  async shareInput(id: string, next: string): Promise<void> {
    await this.#stdin.share(id, next);
    await this.#secrets.share(id, next);
  }

  async dropInput(id: string): Promise<void> {
    await this.#stdin.remove(id);
    await this.#secrets.remove(id);
  }

  readStdin(id: string): Promise<Buffer | undefined> {
    return this.#stdin.read(id);
  }

  stdinDigest(id: string): Promise<string | undefined> {
    return this.#stdin.digest(id);
  }

  async #whole(job: WholeJob): Promise<WholeJob> {
    if (!hasSecrets(job.spec.env)) return job;
    const secrets = await this.#secrets.read(job.id);
    if (secrets === undefined)
      throw new StartFailure('its secret variables no longer exist: submit it again with them', {
        begun: false,
      });
    return { ...job, spec: { ...job.spec, env: withSecrets(job.spec.env, String(secrets)) } };
  }

  get prepared(): { readonly waiting: number; readonly used: number } {
    return this.#prepared;
  }

  async start(job: WholeJob): Promise<void> {
    const whole = await this.#whole(job);
    this.#starting.add(job.id);
    this.#young.set(job.id, performance.now());
    if (isPlain(job)) this.#plain.set(job.id, false);
    const plan = this.#plan(whole);
    const stdin = job.spec.stdinBytes === null ? null : this.#stdin.path(job.id);
    if (stdin !== null && !existsSync(stdin))
      throw new StartFailure('its standard input no longer exists', { begun: false });
    const cell = this.#prepared.take(plan);
    try {
      if (cell !== undefined && (await this.#startIn(cell, job.id, plan, stdin))) return;
      // The ids of a cell that is gone are the job's now.
      this.#makeFolder(job.id, cell === undefined ? plan : this.#plan(whole), stdin);
      if (job.spec.files.length > 0) await this.#giveFiles(job);
      await this.#spawner.start(job.id);
    } catch (error) {
      throw error instanceof SpawnError ? new StartFailure(error.message, { cause: error }) : error;
    }
  }

  async #giveFiles({ id, owner, spec }: WholeJob): Promise<void> {
    const ids = this.#host.slots?.of(id) ?? this.#host.ids;
    // Where it belongs to none of the cell's users, a file is for all of them.
    const modeOf = (mode: number): number =>
      canOwnFiles(ids) ? mode : mode | 0o444 | ((mode & 0o111) === 0 ? 0 : 0o111);
    try {
      await this.#files.give(owner, spec.files, this.#folders.files(id), modeOf);
    } catch (error) {
      const code = systemError(error);
      if (code === undefined) throw error;
      this.#log(`its files could not be linked: ${reason(error)}`, { level: 'error', jobId: id });
      throw new StartFailure(`a file that it was given is missing, or cannot be linked: ${code}`, {
        begun: false,
        cause: error,
      });
    }
  }

  #makeFolder(id: string, plan: JobPlan, stdin: string | null): void {
    try {
      this.#folders.create(id, encodePlan(plan), stdin);
    } catch (error) {
      const code = systemError(error);
      if (code === undefined) throw error;
      this.#log(`its folder could not be made: ${reason(error)}`, { level: 'error', jobId: id });
      throw new StartFailure(`its folder could not be made: ${code}`, { begun: false, cause: error });
    }
  }

  /**
   * Starts a job in a prepared cell.
   *
   * @returns false when the cell is gone, and nothing of the attempt is left
   */
  async #startIn(cell: PreparedCell, id: string, plan: JobPlan, stdin: string | null): Promise<boolean> {
    const { name, ids, cgroup } = cell;
    this.#host.slots?.release(id);
    this.#host.slots?.pass(name, id);
    if (cgroup !== null) this.#paths.set(id, cgroup);
    const own = plan.cgroup !== null && cgroup !== null ? { ...plan.cgroup, path: cgroup } : null;
    try {
      this.#makeFolder(id, { ...plan, uids: ids.uids, gids: ids.gids, cgroup: own }, stdin);
    } catch (error) {
      this.#prepared.giveUp(cell);
      throw error;
    }
    if (await this.#spawner.startIn(name, id)) return true;
    // A spawner that has died may have given it to the job nevertheless: then that is for the one who attaches to it.
    if (!this.#folders.fence(id)) throw new StartFailure('the spawner ended');
    this.#folders.discard(id);
    this.#paths.delete(id);
    this.#prepared.remove(cell);
    return false;
  }

  #plan(job: WholeJob): JobPlan {
    const { ids, slots, clocks, devices, cgroups } = this.#host;
    const image = this.#images.ofJob(job.spec.image, job.spec.imageDigest);
    if (image === undefined)
      throw new StartFailure(`there is no image ${JSON.stringify(job.spec.image)} any more`, {
        begun: false,
      });
    const parent = job.spec.execOf;
    if (parent !== null) this.#parents.set(job.id, parent);
    const path = this.#cgroupOf(job.id);
    // A command in a cell is bounded by the limits of the cell.
    const settings =
      parent === null
        ? [...cgroupSettings(job.spec.limits, cgroups.controllers), ...this.#withoutHugePages]
        : [];
    // Those of the cell, which must not be taken again once it has ended.
    const own = parent === null ? slots?.take(job.id) : slots?.of(parent);
    if (parent !== null && slots !== undefined && own === undefined)
      throw new StartFailure('the job in whose cell it was to run has ended', { begun: false });
    const cgroup = path === null ? null : { path, settings, collect: USAGE_FILES };
    const context = {
      image,
      cgroup,
      files: job.spec.files.length === 0 ? null : { folder: this.#folders.files(job.id), owner: OWN },
      ids: own ?? ids,
      clocks,
      devices,
      seccomp: this.#seccomp,
    };
    return planLaunch(job, context);
  }

  /** The cgroup of a command in the cell of another job is within that of the job. */
  #cgroupOf(id: string): string | null {
    const { cgroups } = this.#host;
    const parent = this.#parents.get(id);
    const path = this.#paths.get(parent ?? id) ?? cgroups.jobPath(parent ?? id);
    return path === null || parent === undefined ? path : join(path, `exec-${id}`);
  }

  async fence(id: string): Promise<boolean> {
    const fenced = this.#folders.fence(id) || (await this.#isFenced(id));
    const cgroup = this.#paths.get(id);
    // Of a prepared cell whose supervisor was killed before it had begun with the job.
    if (fenced && cgroup !== undefined) this.#prepared.remove({ name: basename(cgroup), cgroup });
    return fenced;
  }

  /**
   * Whether nothing more will happen to `started`: it is a fence whose server died before it could act on it, or the
   * file of a supervisor that was killed before it had written into it.
   */
  async #isFenced(id: string): Promise<boolean> {
    if (this.#folders.isClaimed(id)) return false;
    try {
      if (await this.isAlive(id)) return false;
    } catch (error) {
      // Then it is unknown, and asked again where the end of the cell is looked for.
      if (error instanceof SpawnError) return false;
      throw error;
    }
    // One that was found dead may have written, and run the command, since the first look.
    return !this.#folders.isClaimed(id);
  }

  async takeOver({ id, status }: Pick<Unfinished, 'id' | 'status'>): Promise<boolean> {
    const there = this.#folders.exists(id);
    if (status === 'RUNNING' || (there && !(await this.fence(id)))) {
      const plan = this.#folders.plan(id);
      const parent = plan && plannedJoin(plan);
      if (parent !== undefined) this.#parents.set(id, parent);
      else if (plan !== undefined) this.#adopt(id, plan);
      return true;
    }
    if (there) this.#folders.discard(id);
    return false;
  }

  #adopt(id: string, plan: Buffer): void {
    this.#host.slots?.adopt(id, plannedUids(plan));
    const cgroup = plannedCgroup(plan);
    if (cgroup !== undefined) this.#paths.set(id, cgroup);
  }

  attach(id: string, events: CellEvents): CellConnection {
    const running: CellEvents['running'] = (startedAt, pausedAt) => {
      this.#started(id);
      events.running(startedAt, pausedAt);
    };
    const control = new Control(this.#folders.path(id), { ...events, running });
    return new Connection(control, () => this.#plain.delete(id));
  }

  /** The start of a job is over. */
  #started(id: string): void {
    if (this.#starting.delete(id)) this.#prepared.refill();
  }

  /** Whether jobs are being started, or enough short ones run to keep the processors busy. */
  #isBusy(): boolean {
    if (this.#starting.size > 0) return true;
    const old = performance.now() - YOUNG_MS;
    // In the order in which they were started.
    for (const [id, at] of this.#young) {
      if (at > old) break;
      this.#young.delete(id);
    }
    return this.#young.size > Math.max(1, PROCESSORS / 2);
  }

  isAlive(id: string): Promise<boolean> {
    return this.#spawner.probe(id);
  }

  async killSupervisor(id: string): Promise<void> {
    const pid = this.#folders.supervisor(id);
    if (pid === undefined) throw new Error('its supervisor cannot be found');
    process.kill(pid, 'SIGKILL');
  }

  onEnd(listener: (id: string) => void): () => void {
    // The same function given twice is two listeners.
    const own = (id: string): void => listener(id);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  async collect(job: Job, store: (end: CellEnd) => Promise<void>): Promise<void> {
    const record = this.#readExit(job.id);
    if (record === undefined) return;
    if (record.note !== null) this.#log(record.note, { level: 'warn', jobId: job.id });
    if (record.failure !== null)
      this.#log(launchFailure(record.failure), {
        level: isOfHost(record.failure) ? 'error' : 'info',
        jobId: job.id,
        subject: job.owner,
      });
    const state = outcome(record, job.spec.limits, parseUsage(record.files));
    if (this.#plain.has(job.id)) this.#plain.set(job.id, true);
    const startedAt = record.executed && state.status !== 'FAILED' ? state.startedAt : null;
    await store({ startedAt, state });
    this.#folders.removeExit(job.id);
  }

  /** @returns `undefined` when there is no record, or none that can be read */
  #readExit(id: string): ExitRecord | undefined {
    const data = this.#folders.readExit(id);
    if (data === undefined) return undefined;
    try {
      return parseExitRecord(data);
    } catch (error) {
      this.#log(`${reason(error)}; it is kept as ${this.#folders.setAside(id)}`, {
        level: 'error',
        jobId: id,
      });
      return undefined;
    }
  }

  async reap(id: string): Promise<void> {
    const path = this.#cgroupOf(id);
    if (path !== null) await removeCgroup(path);
    await this.#folders.dropArtifacts(id);
    try {
      await this.#folders.recoverTail(id);
    } catch (error) {
      // The job has ended nevertheless, as on a full disk.
      this.#log(`the end of its output could not be appended to the log: ${reason(error)}`, {
        level: 'warn',
        jobId: id,
      });
    }
  }

  async tidy(id: string): Promise<number> {
    if (this.#plain.get(id) === true) return this.#folders.sizeOfRecorded(id);
    // They are in the plan as well.
    if (this.#secrets.has(id)) this.#folders.removePlan(id);
    return this.#folders.tidy(id) + this.#stdin.size(id);
  }

  async release(id: string): Promise<void> {
    this.#parents.delete(id);
    this.#paths.delete(id);
    this.#young.delete(id);
    this.#plain.delete(id);
    this.#starting.delete(id);
    this.#prepared.refill();
    this.#host.slots?.release(id);
    this.#images.released();
    await this.#secrets.remove(id);
  }

  async sweep(isOpen: (id: string) => boolean, isKept: (id: string) => Promise<boolean>): Promise<void> {
    this.#folders.sweep();
    await this.#stdin.sweep(isKept);
    await this.#secrets.sweep(async (id) => isOpen(id));
    // Records of jobs whose end is stored: the server died between the commit and the removal.
    for (const id of readdirSync(this.#folders.exits)) if (!isOpen(id)) this.#folders.removeExit(id);
    const { jobs } = this.#host.cgroups;
    if (jobs === null) return;
    const names = new Set([...this.#paths.values()].map((path) => basename(path)));
    const { left } = await sweep(jobs, (name) => isOpen(name) || names.has(name));
    for (const { id, reason } of left)
      this.#log(`its cgroup could not be removed: ${reason}`, { level: 'warn', jobId: id });
  }

  async usage(id: string): Promise<Usage | null> {
    const path = this.#cgroupOf(id);
    return path === null ? null : readUsage(path);
  }

  async files(id: string, request: FilesRequest): Promise<FilesAnswer> {
    const folder = this.#folders.path(id);
    return this.#filesTurns.take(id, () => accepted(askForFiles(folder, request)));
  }

  async keptFiles(job: Job, request: FilesRequest): Promise<FilesAnswer> {
    return this.#filesTurns.take(job.id, () => accepted(this.#keptFiles.ask(job, request)));
  }

  async isolation(id: string): Promise<Isolation | null> {
    const data = this.#folders.isolation(id);
    const found = data === undefined ? undefined : parseIsolation(data);
    if (found === undefined) return null;
    this.#namespaces ??= ownNamespaces();
    const own = await this.#namespaces;
    const namespaces = found.namespaces.map((namespace) => ({
      ...namespace,
      shared: own.get(namespace.kind) === namespace.inode,
    }));
    return { ...found, namespaces };
  }

  async openArtifact(id: string, index: number): Promise<ArtifactContent | undefined> {
    return openContent(this.#folders.artifact(id, index));
  }

  async hasLog(id: string): Promise<boolean> {
    return existsSync(this.#folders.log(id));
  }

  readLog(id: string, { grep, ...bounds }: LogRead): Promise<LogBatch> {
    const path = this.#folders.log(id);
    return grep === undefined ? readLogPage(path, bounds) : searchLog(path, { ...bounds, text: grep });
  }

  lineCount(id: string, closed: boolean, stream?: LogStream): Promise<number> {
    return lineCount(this.#folders.log(id), closed, stream);
  }

  logDigests(id: string): Promise<LogDigests> {
    return logDigests(this.#folders.log(id));
  }

  checkCursor(id: string, cursor: string): Promise<void> {
    return checkCursor(this.#folders.log(id), cursor);
  }

  followLog(
    id: string,
    { closed, onClosed, release, ...request }: LogFollow,
  ): ReturnType<Cells['followLog']> {
    const source = { path: this.#folders.log(id), closed, onChange: onClosed };
    return followLog(source, request, release);
  }

  async compressLog(id: string): Promise<number> {
    try {
      await this.#folders.pack(id);
    } catch (error) {
      this.#log(`its log could not be compressed: ${reason(error)}`, { level: 'warn', jobId: id });
    }
    return this.#size(id);
  }

  #size(id: string): number {
    return this.#folders.size(id) + this.#stdin.size(id);
  }

  async remove(id: string): Promise<void> {
    await this.#keptFiles.forget(id);
    // The files belong to ids of cells.
    if (existsSync(this.#folders.layer(id))) await this.#images.removeTree(this.#folders.layer(id));
    await this.#folders.remove(id);
    await this.#stdin.remove(id);
    await this.#secrets.remove(id);
  }

  /** Ends the spawner; cells continue. */
  async close(): Promise<void> {
    this.#exits.close();
    this.#prepared.close();
    await this.#keptFiles.close();
    await this.#spawner.close();
    await this.#prepared.gone();
  }
}

/** Whether nothing but what each job has is in the folder of a job, once its supervisor has written the record. */
const isPlain = ({ spec }: WholeJob): boolean =>
  spec.stdinBytes === null &&
  spec.files.length === 0 &&
  spec.artifacts.length === 0 &&
  !spec.keepRoot &&
  spec.limits.outputPolicy === 'KILL' &&
  !hasSecrets(spec.env);

const FILES_AT_ONCE = 4;
/** The owner of what the server writes. */
const OWN = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** The id of no job: nobody holds its lock. */
const PROBE = '00000000-0000-0000-0000-000000000000';

/** A connection as jobs know it. */
class Connection implements CellConnection {
  readonly #control: Control;
  readonly #saving: () => void;

  /** @param saving called before what the job has changed of its root is kept in its folder */
  constructor(control: Control, saving: () => void) {
    this.#control = control;
    this.#saving = saving;
  }

  stop(gracePeriodMs: number): Promise<void> {
    return accepted(this.#control.stop(gracePeriodMs));
  }

  signal(number: number): Promise<void> {
    return accepted(this.#control.signal(number));
  }

  pause(): Promise<void> {
    return accepted(this.#control.pause());
  }

  resume(): Promise<void> {
    return accepted(this.#control.resume());
  }

  async saveRoot(): Promise<void> {
    this.#saving();
    try {
      await accepted(this.#control.save());
    } catch (error) {
      throw error instanceof CellRefusal && saysDiskFull(error.message)
        ? new StoreFullError('no room for what a job has changed', { cause: error })
        : error;
    }
  }

  async write(offset: number, bytes: Uint8Array, end: boolean): Promise<number> {
    try {
      return await accepted(this.#control.write(offset, bytes, end));
    } catch (error) {
      const [, word = '', total] =
        (error instanceof CellRefusal && /^(\w+) (\d+)$/.exec(error.message)) || [];
      const reason = INPUT_REFUSALS.find((known) => known === word);
      throw reason === undefined ? error : new InputRefusal(reason, Number(total), { cause: error });
    }
  }

  resize(size: TerminalSize): Promise<void> {
    return accepted(this.#control.resize(size));
  }

  onRoom(listener: () => void): () => void {
    return this.#control.onRoom(listener);
  }

  responds(): Promise<boolean> {
    return this.#control.responds();
  }

  leave(): void {
    this.#control.leave();
  }

  close(): void {
    this.#control.close();
  }
}

const accepted = async <T>(request: Promise<T>): Promise<T> => {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ControlGone) throw new CellGone(error.message, { cause: error });
    if (error instanceof ControlError) throw new CellRefusal(error.message, { cause: error });
    if (error instanceof FilesError) throw fileRefusal(error);
    throw error;
  }
};

const fileRefusal = (error: FilesError): FileRefusal => {
  const [code = 'unknown'] = getSystemErrorMap().get(-error.errno) ?? [];
  const { step } = error;
  const facts = { step, code, sizeBytes: Number(error.detail) || 0, cause: error };
  return new FileRefusal(`${getSystemErrorMessage(-error.errno)} (${code})`, facts);
};

/** For the log: without names that its submitter chose. */
const launchFailure = (failure: LaunchFailure): string =>
  `the cell could not be made or the command not executed: ${describeStep(isOfHost(failure) ? failure : { ...failure, subject: '' })}`;

/** What the kernel refused, without the path: "no space left on device (ENOSPC)". */
const systemError = (error: unknown): string | undefined =>
  error instanceof Error && 'errno' in error && typeof error.errno === 'number' && 'code' in error
    ? `${getSystemErrorMessage(error.errno)} (${error.code})`
    : undefined;

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
