/** Unpacks the archive of a layer in a cell that is made for it alone. */

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, open, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { decompressed } from '../images/decompress.ts';
import { fault, ImageFault } from '../images/fault.ts';
import type { LayerSource } from '../images/oci.ts';
import { CAPABILITIES } from '../runtime/capabilities.ts';
import type { ControllerName } from '../runtime/cgroup/controllers.ts';
import { cgroupSettings } from '../runtime/cgroup/settings.ts';
import { describeStep } from '../runtime/launch-failure.ts';
import { readLogPage } from '../runtime/log/reader.ts';
import { mountSteps } from '../runtime/mounts.ts';
import { Fields } from '../runtime/protocol/fields.ts';
import { type CgroupPlan, type LaunchPlan, MOUNT, NO_JOB } from '../runtime/protocol/plan.ts';
import { resourceLimits } from '../runtime/rlimits.ts';
import { cellFilter } from '../runtime/seccomp/index.ts';
import { LAYER_FILES } from '../state/paths.ts';
import { TMPFS } from '../state/tmpfs.ts';
import type { LayerAbout } from './layers.ts';
import { LoneCell, type LoneCellHost } from './lone-cell.ts';

const run = promisify(execFile);

// It has one process, which remembers some paths; what it writes counts until it is on disk.
const MEMORY_BYTES = 512 * 1024 * 1024;
const PROCESSES = 16;
const MEMORY_EVENTS = 'memory.events';

/**
 * The cgroup of a cell that unpacks a layer, with limits in addition to those of the layer.
 *
 * @param controllers those that this host has: without one its limits do not exist
 * @param filesBytes as in {@link LoneCellHost.cgroup}
 */
export const unpackCgroup = (
  path: string,
  controllers: readonly ControllerName[],
  filesBytes: number,
): CgroupPlan => {
  const hasMemory = controllers.includes('memory');
  const settings = cgroupSettings(
    {
      cpus: null,
      cpuWeight: null,
      cpuset: null,
      memoryBytes: hasMemory ? MEMORY_BYTES + filesBytes : null,
      memoryHighBytes: null,
      swapBytes: hasMemory ? 0 : null,
      pids: controllers.includes('pids') ? PROCESSES : null,
      io: [],
    },
    controllers,
  );
  return { path, settings, collect: hasMemory ? [MEMORY_EVENTS] : [] };
};

/** Bounds of one layer. */
export interface LayerLimits {
  readonly bytes: number;
  readonly files: number;
  /** Names in a path. */
  readonly depth: number;
}

const CELL = 'unpack';
const MIB = 1024 * 1024;
const LONGEST_MS = 60 * 60_000;
const LARGEST_ABOUT_BYTES = 64 * MIB;

/**
 * Unpacks a layer into `folder`, which becomes what `Layers` has for it: `root` and what is known of it.
 *
 * @param folder an existing empty folder on the file system of the layers
 * @param signal ends the attempt
 * @throws ImageFault for what is wrong with the archive; whatever the disk does not take is an Error of the system
 */
export const unpackLayer = async (
  layer: LayerSource,
  folder: string,
  limits: LayerLimits,
  host: LoneCellHost,
  signal: AbortSignal,
): Promise<LayerAbout> => {
  const work = join(folder, 'work');
  const out = join(folder, 'out');
  for (const path of [work, out]) await mkdir(path);
  // Made by id 0 of the cell, which is neither this process nor its user where that is not root.
  await chmod(out, 0o777);
  const image = join(work, 'image');
  await makeImage(image, host.launcher);
  const fifo = join(work, 'in');
  await run('mkfifo', ['--mode=666', fifo]);
  await chmod(fifo, 0o666);
  const cell = new LoneCell(work, host);
  const { type } = await statfs(out);
  await cell.layOut(planOf({ image, fifo, out, limits, inMemory: type === TMPFS }, host));
  const fed = new AbortController();
  const ended = cell.run().finally(() => fed.abort());
  // Both are awaited below.
  ended.catch(() => undefined);
  let failure: unknown;
  try {
    await feed(layer, fifo, limits, AbortSignal.any([fed.signal, signal]));
  } catch (error) {
    failure = error;
  }
  // A reader whose writer has failed would take what it has for the whole.
  if (failure !== undefined || signal.aborted) cell.stop();
  await ended;
  const record = await cell.record();
  const stderr = record.executed ? await textOf(cell.log) : '';
  signal.throwIfAborted();
  if (record.cause === 'time') throw fault('archive', 'a layer that is unpacked within an hour', 'more');
  if (/^oom [1-9]/m.test(record.files.get(MEMORY_EVENTS) ?? ''))
    throw fault('archive', `a layer that takes at most ${MEMORY_BYTES} bytes of memory to unpack`, 'more');
  // What the cell says is the cause: its end is what the feeding failed by.
  if (stderr !== '') throw new ImageFault(`archive: ${stderr}`);
  // It had no room to say so: its log is on the same disk, and it prints far less than its limit.
  if (record.droppedBytes > 0)
    throw Object.assign(new Error('a layer could not be unpacked: no space left on device'), {
      code: 'ENOSPC',
    });
  if (failure !== undefined && !(isAbort(failure) && fed.signal.aborted)) throw failure;
  if (record.failure !== null)
    throw new Error(`a layer could not be unpacked: ${describeStep(record.failure)}`);
  if (record.termination?.kind !== 'exited' || record.termination.code !== 0)
    throw new Error(
      `a layer could not be unpacked: its cell ended with ${JSON.stringify(record.termination)}`,
    );
  const about = readAbout(await readFile(join(out, 'about')));
  await writeFile(join(folder, LAYER_FILES.about), JSON.stringify(about), {
    flag: 'wx',
    mode: 0o600,
    flush: true,
  });
  await chmod(out, 0o755);
  await rename(out, join(folder, LAYER_FILES.tree));
  await rm(work, { recursive: true });
  return about;
};

/** What the cell has printed. */
const textOf = async (log: string): Promise<string> => {
  const { entries } = await readLogPage(log, { mostBytes: 4096, closed: true });
  return entries
    .map(({ text }) => text)
    .join('')
    .trim();
};

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** Passes the archive to the cell, and checks both digests on the way. */
const feed = async (
  layer: LayerSource,
  fifo: string,
  { bytes }: LayerLimits,
  signal: AbortSignal,
): Promise<void> => {
  const opening = open(fifo, 'w');
  // Opening waits for the cell to open its end, and does not return when the cell ends before that.
  const release = (): void => {
    void open(fifo, constants.O_RDONLY | constants.O_NONBLOCK).then((end) =>
      opening.finally(() => end.close()),
    );
  };
  if (signal.aborted) release();
  else signal.addEventListener('abort', release, { once: true });
  const handle = await opening;
  signal.removeEventListener('abort', release);
  const [blob, content] = [createHash('sha256'), createHash('sha256')];
  const coming = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of await layer.open()) {
      blob.update(chunk);
      yield chunk;
    }
  };
  const leaving = async function* (): AsyncGenerator<Uint8Array> {
    // An archive has a block or two for each file besides its content.
    for await (const chunk of decompressed(coming(), 2 * bytes + 64 * MIB)) {
      content.update(chunk);
      yield chunk;
    }
    // Before the cell sees the end of the archive: it completes nothing that is not what was named.
    const [actual, diffId] = [`sha256:${blob.digest('hex')}`, content.digest('hex')];
    if (layer.digest !== null && actual !== layer.digest) throw fault('layer', layer.digest, actual);
    if (diffId !== layer.diffId)
      throw fault('layer', `content with sha256:${layer.diffId}`, `sha256:${diffId}`);
  };
  await pipeline(leaving, createWriteStream('', { fd: handle, highWaterMark: MIB }), { signal });
};

/** The image of the cell: the launcher, which needs nothing else. */
const makeImage = async (root: string, launcher: string): Promise<void> => {
  for (const path of ['', 'proc', 'sys', 'dev', 'out']) {
    await mkdir(join(root, path));
    await chmod(join(root, path), 0o755);
  }
  await writeFile(join(root, 'in'), '');
  await copyFile(launcher, join(root, 'cell'));
  await chmod(join(root, 'cell'), 0o755);
};

interface Places {
  readonly image: string;
  readonly fifo: string;
  readonly out: string;
  readonly limits: LayerLimits;
  /** The files of the layer are, as on a tmpfs, and count as memory of the cell. */
  readonly inMemory: boolean;
}

const planOf = ({ image, fifo, out, limits, inMemory }: Places, host: LoneCellHost): LaunchPlan => {
  const { ids, devices } = host;
  const cgroup = host.cgroup(`unpack-${randomUUID()}`, inMemory ? limits.bytes : 0);
  const confined = MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC;
  return {
    ...NO_JOB,
    cgroup,
    uids: ids.uids,
    gids: ids.gids,
    root: {
      image,
      lowers: [],
      // The ids of the cell are the owners of the files of images.
      owners: null,
      layerOptions: `mode=755,size=${MIB}`,
      overlayOptions: ids.overlay,
    },
    steps: [
      ...mountSteps({ shmBytes: MIB, ids: ids.count, hostname: CELL, cgroup: cgroup !== null, devices }),
      { kind: 'bind', source: out, path: '/out', attributes: confined },
      { kind: 'bind', source: fifo, path: '/in', attributes: confined | MOUNT.RDONLY },
    ],
    hostname: CELL,
    clocks: null,
    argv: ['/cell', 'unpack', ...[limits.bytes, limits.files, limits.depth, ids.count].map(String)],
    // To give files to their owners.
    capabilities: CAPABILITIES.ROOT_IN_CELL,
    oomScore: 0,
    keepGroups: !ids.groups,
    resourceLimits: resourceLimits(null),
    seccomp: cellFilter(),
    umask: 0o022,
    stop: { signal: 'SIGKILL', scope: 'COMMAND' },
    timeoutMs: LONGEST_MS,
    outputBytes: MIB,
    outputPolicy: 'TRUNCATE',
  };
};

/**
 * Parses what the cell wrote of a layer (`launcher/unpack.h`).
 *
 * @throws ImageFault when it is too long; Error when it is malformed
 */
export const readAbout = (data: Buffer): LayerAbout => {
  if (data.length > LARGEST_ABOUT_BYTES) throw fault('archive', 'fewer folders that are opaque', data.length);
  const fields = new Fields('layer', data);
  fields.expect('layer');
  fields.expect('1');
  const [opaque, implicit, skipped]: [string[], string[], string[]] = [[], [], []];
  let [bytes, files] = [0, 0];
  for (let name = fields.next(); name !== 'end'; name = fields.next()) {
    if (name === 'opaque') opaque.push(Buffer.from(fields.next(), 'latin1').toString());
    else if (name === 'implicit') implicit.push(Buffer.from(fields.next(), 'latin1').toString());
    else if (name === 'skipped') skipped.push(Buffer.from(fields.next(), 'latin1').toString());
    else if (name === 'size') [bytes, files] = [Number(fields.next()), Number(fields.next())];
    else throw new Error(`layer: expected a statement, got ${JSON.stringify(name)}`);
  }
  return { bytes, files, opaque, implicit, skipped };
};
