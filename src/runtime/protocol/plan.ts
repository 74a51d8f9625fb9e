/**
 * The launch plan: everything that the launcher does for one job, decided here and carried out there. It is read by
 * `launcher/plan.c`.
 */

import { bytesOfText } from '../../byte-text.ts';
import { signalNumber } from '../../signals.ts';
import type { TerminalSize } from '../log/page.ts';
import type { IdRange } from './id-map.ts';

/** A value for a file of the job's cgroup. `optional`: ignored by a kernel that has no such file. */
export interface CgroupSetting {
  readonly file: string;
  readonly value: string;
  readonly optional: boolean;
}

/** Attributes of a mount (`MOUNT_ATTR_*` of linux/mount.h). */
export const MOUNT = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

/** One step of setting up the cell; paths are those inside it. */
export type Step =
  | {
      readonly kind: 'mount';
      readonly type: string;
      readonly path: string;
      readonly attributes: number;
      readonly options: string;
    }
  | { readonly kind: 'bind'; readonly source: string; readonly path: string; readonly attributes: number }
  /** A character device, made for this cell alone; like `bind`, on a path that an earlier step makes. */
  | {
      readonly kind: 'device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
      readonly attributes: number;
    }
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly text: string }
  | { readonly kind: 'symlink'; readonly target: string; readonly path: string }
  /** Writes into an existing file, such as one of /proc/sys. */
  | { readonly kind: 'write'; readonly path: string; readonly text: string }
  /** Covers a path in /proc, if it exists: a folder with an empty one, a file with /dev/null of an earlier step. */
  | { readonly kind: 'mask'; readonly path: string; readonly folder: boolean }
  /** Attributes for a mount of an earlier step, set once later steps have finished with it. */
  | { readonly kind: 'seal'; readonly path: string; readonly attributes: number }
  /** Makes a part of a mount a mount of its own, with these attributes. */
  | { readonly kind: 'rebind'; readonly path: string; readonly attributes: number }
  /** A file of the folder `files`, by its name there, on a path that is made if it is not there. */
  | { readonly kind: 'given'; readonly name: string; readonly path: string; readonly attributes: number };

/** An overlay of the kernel has at most 500 lower layers (OVL_MAX_STACK): these, and the uppermost one. */
export const MOST_LOWERS = 499;

/** RLIM_INFINITY of sys/resource.h. */
export const UNLIMITED = 2n ** 64n - 1n;

/** A resource limit of setrlimit(2); `resource` is the kernel's number. */
export interface ResourceLimit {
  readonly resource: number;
  readonly soft: number | bigint;
  readonly hard: number | bigint;
}

/** The cgroup of a job. */
export interface CgroupPlan {
  /** Absolute path; made by the supervisor, which removes it at the end. */
  readonly path: string;
  readonly settings: readonly CgroupSetting[];
  /** Files that the exit record includes. */
  readonly collect: readonly string[];
}

/** Which files of a cell are copied into the job's folder when all of its processes are gone. */
export interface ArtifactsPlan {
  /** Each file or folder; with a pattern of glob(7), what matches it below that folder. */
  readonly each: readonly { readonly path: string; readonly pattern: string }[];
  /** Most bytes that all may have together, holes of files included. */
  readonly mostBytes: number;
  /** Most names in folders that are looked into. */
  readonly mostEntries: number;
  /** Milliseconds that all may take. */
  readonly timeMs: number;
  /** Bytes that stay free on the disk. */
  readonly spareBytes: number;
}

/** Everything that the launcher has to do for one job. `launcher/plan.h` describes it as a file. */
export interface LaunchPlan {
  /** The job in whose cell the command runs: root, steps, hostname and ids are those of that cell. `null`: its own. */
  readonly join: string | null;
  /** `null`: the server may not make cgroups on this machine. */
  readonly cgroup: CgroupPlan | null;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  readonly root: {
    /** Absolute path of the image's tree, the read-only lower layer; of an image with several, the uppermost. */
    readonly image: string;
    /** Absolute paths of the layers below it, from the upper ones to the lowest; at most `MOST_LOWERS`. */
    readonly lowers: readonly string[];
    /**
     * The host ids of the image's files that stand for id 0 of the cell, if they are not the cell's own ids: then the
     * kernel maps them. `null`: they are the cell's own.
     */
    readonly owners: { readonly uid: number; readonly gid: number } | null;
    /** Options of the tmpfs that is the writable layer (tmpfs(5)). */
    readonly layerOptions: string;
    /** Options of the overlay that joins both. */
    readonly overlayOptions: string;
  };
  /**
   * Absolute path of the folder with the files that the job was given, and whom they belong to there: in the cell they are
   * its user's, where owners can be mapped. `null`: there are none.
   */
  readonly files: {
    readonly folder: string;
    readonly owner: { readonly uid: number; readonly gid: number };
  } | null;
  readonly steps: readonly Step[];
  readonly hostname: string;
  /** Seconds on the cell's own monotonic and boottime clocks at its start; `null`: it has the machine's clocks. */
  readonly clocks: number | null;
  readonly argv: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly workdir: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** The capabilities of a command that is root of its cell: a bit set of capabilities(7). */
  readonly capabilities: bigint;
  /** From 0 to 1000: how soon the OOM killer picks this job when the machine's memory runs out. */
  readonly oomScore: number;
  /** setgroups(2) is denied in the server's user namespace: groups can be neither given nor taken. */
  readonly keepGroups: boolean;
  readonly resourceLimits: readonly ResourceLimit[];
  /** Program of seccomp(2) as `encodeProgram` writes it (seccomp/index.ts has one); `null`: no filter. */
  readonly seccomp: string | null;
  readonly umask: number;
  /** What the cell has changed of its image stays in the job's folder. */
  readonly keepRoot: boolean;
  /**
   * Nothing is executed: the cell is there for its files only. It ends when nobody is connected to its supervisor any more.
   */
  readonly idle: boolean;
  /** What is kept of the cell when it has ended; `null`: nothing. */
  readonly artifacts: ArtifactsPlan | null;
  /** The command reads the file `stdin` of the job's folder; otherwise it reads /dev/null. */
  readonly stdin: boolean;
  /** Clients may write to its standard input, after that file. */
  readonly openStdin: boolean;
  /** The standard streams are a terminal of this size, and not pipes; `stdin` is false then. */
  readonly terminal: TerminalSize | null;
  /** The signal that a stop sends, by its name, and which processes it reaches; the cell ends when those have. */
  readonly stop: { readonly signal: string; readonly scope: 'COMMAND' | 'GROUP' | 'CELL' };
  /** Milliseconds of wall time, pauses not counted. */
  readonly timeoutMs: number;
  /** Milliseconds of CPU time of the whole cgroup; `null`: no limit. */
  readonly cpuTimeMs: number | null;
  /** Bytes of output that are kept. */
  readonly outputBytes: number;
  /** What happens beyond that: the job is killed, or what lies between the first and the last bytes is dropped. */
  readonly outputPolicy: 'KILL' | 'TRUNCATE';
}

/**
 * What jobs ask for, in the plan of a cell that runs none: its program is root of the cell without capabilities, has
 * neither input nor variables, and nothing of the cell is kept.
 */
export const NO_JOB = {
  join: null,
  files: null,
  env: [],
  workdir: '/',
  user: { uid: 0, gid: 0, groups: [] },
  capabilities: 0n,
  keepRoot: false,
  idle: false,
  artifacts: null,
  stdin: false,
  openStdin: false,
  terminal: null,
  cpuTimeMs: null,
  outputPolicy: 'KILL',
} as const satisfies Partial<LaunchPlan>;

/**
 * The plan as the launcher reads it: NUL-terminated tokens, each statement a name and its values. Texts are those of
 * byte-text.ts.
 *
 * @throws RangeError when a string holds a NUL byte, which no file, argument or variable can; or for a signal that does not exist
 */
export const encodePlan = (plan: LaunchPlan): Buffer => {
  const texts: string[] = [encodeStatement(['cell-plan', 1])];
  for (const part of statements(plan)) texts.push('kind' in part ? encodeStep(part) : encodeStatement(part));
  texts.push('end', '');
  return bytesOfText(texts.join('\0'));
};

const encodeStatement = (statement: Statement): string => {
  for (const token of statement)
    if (typeof token === 'string' && token.includes('\0'))
      throw new RangeError(`launch plan: NUL byte in ${JSON.stringify(token)}`);
  return statement.join('\0');
};

/** Most jobs have the same hundred steps. */
const encodedSteps = new WeakMap<Step, string>();

const encodeStep = (step: Step): string => {
  const text = encodedSteps.get(step) ?? encodeStatement(stepStatement(step));
  encodedSteps.set(step, text);
  return text;
};

/** The job whose cell an encoded plan joins; `undefined`: none. */
export const plannedJoin = (plan: Buffer): string | undefined => {
  const [, , statement, id] = plan.subarray(0, 256).toString('latin1').split('\0');
  return statement === 'join' ? id : undefined;
};

/** The uid map of an encoded plan. It comes before everything that a client chose. */
export const plannedUids = (plan: Buffer): readonly IdRange[] => {
  const tokens = plan.toString('latin1').split('\0');
  const at = tokens.indexOf('uids');
  if (at === -1) return [];
  const [inside, outside, count] = tokens.slice(at + 1, at + 4).map(Number);
  return [{ inside: inside ?? 0, outside: outside ?? 0, count: count ?? 0 }];
};

/** The path of the cgroup of an encoded plan; `undefined`: it has none. */
export const plannedCgroup = (plan: Buffer): string | undefined => {
  const [, , statement, path] = plan.subarray(0, 8192).toString().split('\0', 4);
  return statement === 'cgroup' ? path : undefined;
};

type Statement = readonly (string | number | bigint)[];

function* statements(plan: LaunchPlan): Generator<Statement | Step> {
  if (plan.join !== null) yield ['join', plan.join];
  if (plan.cgroup !== null) {
    yield ['cgroup', plan.cgroup.path];
    for (const { file, value, optional } of plan.cgroup.settings)
      yield ['set', file, value, optional ? 1 : 0];
    for (const file of plan.cgroup.collect) yield ['collect', file];
  }
  for (const { inside, outside, count } of plan.uids) yield ['uids', inside, outside, count];
  for (const { inside, outside, count } of plan.gids) yield ['gids', inside, outside, count];
  yield ['root', plan.root.image, plan.root.layerOptions];
  for (const path of plan.root.lowers) yield ['lower', path];
  if (plan.root.owners !== null) yield ['owners', plan.root.owners.uid, plan.root.owners.gid];
  yield ['overlay', plan.root.overlayOptions];
  if (plan.files !== null) yield ['files', plan.files.folder, plan.files.owner.uid, plan.files.owner.gid];
  yield* plan.steps;
  yield ['hostname', plan.hostname];
  if (plan.clocks !== null) yield ['clocks', plan.clocks];
  for (const argument of plan.argv) yield ['argument', argument];
  for (const { name, value } of plan.env) yield ['variable', `${name}=${value}`];
  yield ['workdir', plan.workdir];
  yield ['user', plan.user.uid, plan.user.gid];
  for (const group of plan.user.groups) yield ['group', group];
  if (plan.capabilities !== 0n) yield ['capabilities', plan.capabilities];
  yield ['oom', plan.oomScore];
  if (plan.keepGroups) yield ['keepgroups'];
  for (const { resource, soft, hard } of plan.resourceLimits) yield ['limit', resource, soft, hard];
  if (plan.seccomp !== null) yield ['seccomp', plan.seccomp];
  yield ['umask', plan.umask];
  if (plan.keepRoot) yield ['keep'];
  if (plan.idle) yield ['idle'];
  if (plan.artifacts !== null) {
    const { each, mostBytes, mostEntries, timeMs, spareBytes } = plan.artifacts;
    yield ['artifacts', mostBytes, mostEntries, timeMs, spareBytes];
    for (const { path, pattern } of each) yield ['artifact', path, pattern];
  }
  if (plan.stdin) yield ['stdin'];
  if (plan.openStdin) yield ['input'];
  if (plan.terminal !== null) yield ['terminal', plan.terminal.rows, plan.terminal.columns];
  yield ['stop', signalOf(plan.stop.signal), plan.stop.scope.toLowerCase()];
  yield ['timeout', plan.timeoutMs];
  if (plan.cpuTimeMs !== null) yield ['cputime', plan.cpuTimeMs * 1000];
  yield ['output', plan.outputBytes];
  if (plan.outputPolicy === 'TRUNCATE') yield ['tail', Math.ceil(plan.outputBytes / 2)];
}

const signalOf = (name: string): number => {
  const number = signalNumber(name);
  if (number === undefined) throw new RangeError(`launch plan: no signal is called ${JSON.stringify(name)}`);
  return number;
};

const stepStatement = (step: Step): Statement => {
  switch (step.kind) {
    case 'mount':
      return ['mount', step.type, step.type, step.path, step.attributes, step.options];
    case 'bind':
      return ['bind', step.source, step.path, step.attributes];
    case 'device':
      return ['device', step.path, step.mode, step.major, step.minor, step.attributes];
    case 'mkdir':
      return ['mkdir', step.path, step.mode];
    case 'file':
      return ['file', step.path, step.mode, step.text];
    case 'symlink':
      return ['symlink', step.target, step.path];
    case 'write':
      return ['write', step.path, step.text];
    case 'mask':
      return ['mask', step.path, step.folder ? 1 : 0];
    case 'seal':
      return ['seal', step.path, step.attributes];
    case 'rebind':
      return ['rebind', step.path, step.attributes];
    case 'given':
      return ['given', step.name, step.path, step.attributes];
  }
};
