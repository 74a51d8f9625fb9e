/** Makes the launch plan of a job from its specification. */

import { createHash } from 'node:crypto';
import { byteLengthOfText } from '../byte-text.ts';
import { splitPattern } from '../jobs/artifact.ts';
import { StartFailure } from '../jobs/cells.ts';
import type { ImageDefaults } from '../jobs/image.ts';
import { parentsOf } from '../jobs/input-files.ts';
import {
  type Command,
  type EnvVar,
  type InputFile,
  type JobSpec,
  LONGEST_ARGUMENT_BYTES,
  type WholeJob,
} from '../jobs/job.ts';
import { ROOM_BYTES } from '../jobs/room.ts';
import { CAPABILITIES } from '../runtime/capabilities.ts';
import { CLOCKS_START_S } from '../runtime/clocks.ts';
import type { JobIds } from '../runtime/ids/index.ts';
import type { ImageFiles } from '../runtime/image-files.ts';
import type { TerminalSize } from '../runtime/log/page.ts';
import { cellSteps, DEVICE_INODES, nameSteps, SCRIPT_PATH, scriptSteps } from '../runtime/mounts.ts';
import {
  type ArtifactsPlan,
  type CgroupPlan,
  type LaunchPlan,
  MOUNT,
  NO_JOB,
  type Step,
} from '../runtime/protocol/plan.ts';
import { resourceLimits } from '../runtime/rlimits.ts';

/** The image that a job starts from. */
export interface LaunchImage {
  readonly files: ImageFiles;
  readonly defaults: ImageDefaults;
}

/** What a launch needs to know about the server. */
export interface LaunchContext {
  readonly image: LaunchImage;
  readonly cgroup: CgroupPlan | null;
  readonly ids: JobIds;
  /** Where the files that the job is given are linked to, and whom they belong to there; `null`: it is given none. */
  readonly files: LaunchPlan['files'];
  /** Cells can have clocks of their own here. */
  readonly clocks: boolean;
  /** Cells can have device nodes of their own here. */
  readonly devices: boolean;
  /** `cellFilter` of runtime/seccomp. */
  readonly seccomp: string;
}

/** A launch plan with what a cell can be prepared from before its job is known. */
export interface JobPlan extends LaunchPlan {
  /**
   * The first of the steps, which do not depend on the job; `null` for one that takes no prepared cell: its own steps mount
   * something, which a cell may not do once its sysctls are set, or it has artifacts, for which its supervisor keeps the
   * root open.
   */
  readonly common: readonly Step[] | null;
}

/**
 * The plan of a cell that waits for a job: the part of a job's plan that does not depend on the job. The launcher gives
 * the cell only to a job whose plan has the same.
 */
export const planCell = (
  { common, ...plan }: JobPlan,
  { uids, gids }: Pick<JobIds, 'uids' | 'gids'>,
  cgroup: string | null,
): LaunchPlan => ({
  ...NO_JOB,
  uids,
  gids,
  cgroup: cgroup === null || plan.cgroup === null ? null : { ...plan.cgroup, path: cgroup },
  root: plan.root,
  steps: common ?? [],
  clocks: plan.clocks,
  oomScore: plan.oomScore,
  keepGroups: plan.keepGroups,
  resourceLimits: plan.resourceLimits,
  // The rest belongs to no command.
  hostname: 'cell',
  argv: [''],
  seccomp: null,
  umask: 0o077,
  stop: { signal: 'SIGTERM', scope: 'COMMAND' },
  timeoutMs: 0,
  outputBytes: 0,
});

/**
 * What cells that can stand in for each other have in common, as a text: all that `planCell` takes but the ids and the
 * path of the cgroup, which each has for itself. `undefined`: the job takes no prepared cell.
 */
export const cellKind = (plan: JobPlan): string | undefined => {
  const { common, root, cgroup, clocks, oomScore, keepGroups, resourceLimits } = plan;
  if (common === null) return undefined;
  const limits = resourceLimits.map(({ resource, soft, hard }) => `${resource} ${soft} ${hard}`);
  return JSON.stringify([root, cgroup?.settings, clocks, oomScore, keepGroups, limits, digestOf(common)]);
};

/** Of lists that are the same for most jobs, and long. */
const digests = new WeakMap<readonly Step[], string>();

const digestOf = (steps: readonly Step[]): string => {
  const digest = digests.get(steps) ?? createHash('sha256').update(JSON.stringify(steps)).digest('base64');
  digests.set(steps, digest);
  return digest;
};

const PAGE_BYTES = 4096;
const FEWEST_INODES = 1024;
// Inodes of the layer itself: its root, and the work folder of the overlay.
const OWN_INODES = 4;
// overlayfs.rst, "User xattr".
const USER_MARKS = 'userxattr';
const MOST_SHM_BYTES = 64 * 1024 * 1024;

/**
 * The launch plan of a job.
 *
 * @throws StartFailure when the job's user is no longer in the image
 */
export const planLaunch = (job: WholeJob, context: LaunchContext): JobPlan => {
  const { spec } = job;
  const { ids } = context;
  const { files, defaults } = context.image;
  const name = spec.user ?? defaults.user ?? '0';
  const user = files.findUser(name);
  if (user === undefined)
    throw new StartFailure(`the image has no user ${JSON.stringify(name)}`, { begun: false });
  const [top, ...lowers] = files.layers;
  const hostname = spec.hostname ?? job.id;
  const { limits } = spec;
  // The layer's own inodes do not count against what the job asked for.
  const inodes =
    limits.inodes === null
      ? Math.max(FEWEST_INODES, Math.floor(limits.diskBytes / PAGE_BYTES))
      : limits.inodes +
        OWN_INODES +
        lowers.length +
        (context.devices ? DEVICE_INODES : 0) +
        placeInodes(spec.files);
  // The launcher gives every cell a network namespace with nothing but loopback. Another mode does not compile here.
  spec.network satisfies 'NONE';
  const { argv, steps } = execution(spec.command);
  const takesPrepared = steps.length === 0 && spec.artifacts.length === 0 && spec.files.length === 0;
  const common: readonly Step[] =
    spec.execOf !== null
      ? []
      : cellSteps({
          shmBytes: Math.min(MOST_SHM_BYTES, limits.diskBytes),
          ids: ids.count,
          cgroup: context.cgroup !== null,
          devices: context.devices,
        });
  return {
    common: takesPrepared && common.length > 0 ? common : null,
    join: spec.execOf,
    cgroup: context.cgroup,
    uids: ids.uids,
    gids: ids.gids,
    root: {
      image: top.root,
      owners: ids.owners,
      layerOptions: `mode=755,size=${limits.diskBytes},nr_inodes=${inodes}`,
      lowers: lowers.map(({ root }) => root),
      overlayOptions: overlayOptions(ids, files),
    },
    files: context.files,
    steps:
      spec.execOf !== null ? [] : [...common, ...nameSteps(hostname), ...steps, ...spec.files.map(givenStep)],
    hostname,
    clocks: context.clocks ? CLOCKS_START_S : null,
    argv,
    env: environment({ home: user.home, user: user.name }, [...defaults.env, ...spec.env], spec.terminal),
    workdir: spec.workdir ?? defaults.workdir ?? '/',
    user,
    capabilities: CAPABILITIES[spec.capabilities],
    oomScore: 0,
    keepGroups: !ids.groups,
    resourceLimits: resourceLimits(limits.pids),
    seccomp: context.seccomp,
    umask: 0o022,
    stop: { signal: spec.stopSignal, scope: spec.stopScope },
    stdin: spec.stdinBytes !== null,
    openStdin: spec.openStdin,
    keepRoot: spec.keepRoot,
    idle: false,
    artifacts: artifactsPlan(spec),
    terminal: spec.terminal,
    timeoutMs: limits.timeoutMs,
    cpuTimeMs: limits.cpuTimeMs,
    outputBytes: limits.outputBytes,
    outputPolicy: limits.outputPolicy,
  };
};

/** Names of files and folders that are looked at for all artifacts of a job. */
const MOST_ENTRIES = 100_000;
/** Milliseconds by which artifacts may delay the end of a job. */
const ARTIFACTS_MS = 60_000;

/** No artifact is larger than all that a job could have written; what its image has counts as well. */
const artifactsPlan = ({ artifacts, limits }: JobSpec): ArtifactsPlan | null =>
  artifacts.length === 0
    ? null
    : {
        each: artifacts.map(({ path }) => {
          const { folder, pattern } = splitPattern(path);
          return { path: folder, pattern };
        }),
        mostBytes: limits.diskBytes,
        mostEntries: MOST_ENTRIES,
        timeMs: ARTIFACTS_MS,
        spareBytes: ROOM_BYTES,
      };

/** A file that the job is given, which nobody in the cell can change. */
const givenStep = ({ path, mode }: InputFile, index: number): Step => ({
  kind: 'given',
  name: String(index),
  path,
  attributes: MOUNT.RDONLY | MOUNT.NOSUID | MOUNT.NODEV | ((mode & 0o111) === 0 ? MOUNT.NOEXEC : 0),
});

// Inodes of the folders between which and an empty one the files of a job are stacked.
const FILES_INODES = 3;

/** Inodes that the places of files take in the writable layer: each an empty file, in folders that may have to be made. */
const placeInodes = (files: readonly InputFile[]): number =>
  files.length === 0
    ? 0
    : FILES_INODES + files.length + new Set(files.flatMap(({ path }) => parentsOf(path))).size;

/**
 * Whether files on the disk can belong to the user of the command: the kernel maps their owner, or the server's own id
 * is the only one of the cell.
 */
export const canOwnFiles = ({ owners, count }: JobIds): boolean => owners !== null || count === 1;

/**
 * Layers of images keep their marks in user.* attributes, which the kernel reads only when it is asked to. For others that
 * is avoided: before Linux 6.6 a tmpfs has no such attributes, and the overlay cannot replace a folder of the image.
 */
const overlayOptions = ({ overlay }: JobIds, { layers }: ImageFiles): string =>
  overlay === '' && layers.some(({ opaque }) => opaque.size > 0) ? USER_MARKS : overlay;

/** What is executed, and what it needs in the cell. */
const execution = (command: Command): Pick<LaunchPlan, 'argv' | 'steps'> => {
  if (command.kind === 'argv') return { argv: command.argv, steps: [] };
  const { line } = command;
  return byteLengthOfText(line) <= LONGEST_ARGUMENT_BYTES
    ? { argv: ['/bin/sh', '-c', line], steps: [] }
    : { argv: ['/bin/sh', SCRIPT_PATH], steps: scriptSteps(line) };
};

const environment = (
  user: { readonly home: string; readonly user: string | null },
  env: readonly EnvVar[],
  terminal: TerminalSize | null,
): readonly EnvVar[] => {
  const variables = new Map([
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['HOME', user.home],
    ['TERM', terminal === null ? 'xterm' : 'xterm-256color'],
  ]);
  if (user.user !== null) variables.set('USER', user.user);
  for (const { name, value } of env) variables.set(name, value);
  return [...variables].map(([name, value]) => ({ name, value }));
};
