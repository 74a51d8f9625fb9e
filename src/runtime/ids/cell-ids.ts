/** Decides which user and group ids cells get on this machine. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { IdRange } from '../protocol/id-map.ts';
import {
  behindFirst,
  formatMap,
  type IdRow,
  isInitial,
  lineUp,
  type OwnRights,
  readRights,
  roomFor,
} from './map.ts';
import { findSubordinate, type SubordinateOptions, thisUser } from './subordinate.ts';

/** The ids of one cell. */
export interface JobIds {
  /** Ids 0 to `count - 1` of a cell. */
  readonly count: number;
  /** Id maps of a cell; their outside is the user namespace where its supervisor lives. */
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  /** The owners of the image's files, from id 0, if they are not those of the maps; `null`: they are. */
  readonly owners: { readonly uid: number; readonly gid: number } | null;
  /** Commands may have supplementary groups (setgroups(2) is not denied). */
  readonly groups: boolean;
  /** Mount options that an overlay needs with these ids. */
  readonly overlay: string;
}

/** The ids of all cells and how they get them: decided once, when the server starts. */
export interface CellIds extends JobIds {
  readonly owners: null;
  /**
   * `range`: ids that the server may map itself; `subordinate`: those that an administrator set aside for the server's
   * user; `single`: only the server's own, which is id 0 of a cell.
   */
  readonly kind: 'range' | 'subordinate' | 'single';
  /** What id 0 is in the user namespace of this process: the owner of what belongs to root in an image. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /**
   * Program and arguments that run another program as root of the user namespace in which cells are made; empty if this
   * process may make cells in its own.
   */
  readonly enter: readonly string[];
  /** What the operator should know about it; `undefined` for a server that is root. */
  readonly notice: string | undefined;
  /** How cells could get more ids. */
  readonly remedy: string | undefined;
}

/** No cell can have any id here. Message and remedy are meant for the person who runs the server. */
export class IdsError extends Error {
  override readonly name = 'IdsError';
  /** What the launcher reported, without the remedy. */
  readonly reason: string;

  constructor(reason: string, options?: ErrorOptions) {
    super(`this user may not make user namespaces: ${reason}`, options);
    this.reason = reason;
  }
}

/** Where the ids of cells come from. */
export interface CellIdsOptions {
  /** Path of the `cell` binary. */
  readonly launcher: string;
  /** First of the ids that cells get if the server may map any. */
  readonly idBase: number;
  /** Default `/proc`. */
  readonly proc?: string;
  /** Default: those of this process. */
  readonly user?: SubordinateOptions['user'];
  readonly subordinate?: Omit<SubordinateOptions, 'user'>;
  /** Throws an error if `enter` does not work. Default: runs the launcher. */
  readonly attempt?: (enter: readonly string[]) => Promise<void>;
}

// Numbers of linux/capability.h.
const CAP_SETGID = 6n;
const CAP_SETUID = 7n;
const CAP_SYS_ADMIN = 21n;

// An overlay that is mounted without privileges on the host keeps its marks in user.* attributes
// (overlayfs.rst, "User xattr").
const UNPRIVILEGED_OVERLAY = 'userxattr';

/**
 * Decides which ids cells get, best first: a range of ids that the server may map itself, subordinate ids, and
 * the server's own. What needs a namespace is tried, not guessed.
 *
 * @throws IdsError if not even a namespace with a single id can be created
 */
export const findCellIds = async (options: CellIdsOptions): Promise<CellIds> => {
  const { launcher, idBase, proc = '/proc', user = thisUser() } = options;
  const attempt = options.attempt ?? ((enter) => tryToEnter(enter, launcher));
  const rights = await readRights(proc);
  const may = (capability: bigint) => (rights.capabilities & (1n << capability)) !== 0n;
  if (user.uid === 0 && may(CAP_SYS_ADMIN)) return withPrivileges(rights, idBase);
  if (user.uid === 0 && may(CAP_SETUID) && may(CAP_SETGID)) {
    const ids = mapped(rights, idBase, launcher);
    if (ids !== undefined) return checked(ids, attempt);
  }
  const single = ownId(user.uid, launcher);
  const found = await findSubordinate({ ...options.subordinate, user });
  if (!('helpers' in found)) return checked({ ...single, ...advice(found.reason, found.remedy) }, attempt);
  const ids = subordinate(user.uid, launcher, found);
  try {
    return await checked(ids, attempt);
  } catch (error) {
    if (!(error instanceof IdsError)) throw error;
    const remedy =
      'newuidmap has to be set-uid root, and works neither with NoNewPrivileges=yes of systemd nor on a nosuid mount';
    return checked({ ...single, ...advice(error.reason, remedy) }, attempt);
  }
};

/** Whether it makes sense to try: nobody makes devices in a user namespace, where all cells are made that have to enter one. */
export const mayMakeDevices = ({ enter }: Pick<CellIds, 'enter'>): boolean => enter.length === 0;

/** Root of the machine, or of a container that has its own user namespace. */
const withPrivileges = (rights: OwnRights, idBase: number): CellIds => {
  const overlay = isInitial(rights.uids) ? '' : UNPRIVILEGED_OVERLAY;
  const common = { owners: null, enter: [], groups: rights.groups, overlay, remedy: undefined };
  const [uids, gids] = [roomFor(rights.uids, idBase), roomFor(rights.gids, idBase)];
  if (uids === undefined || gids === undefined) {
    return {
      ...common,
      kind: 'single',
      count: 1,
      uids: ONLY_ROOT,
      gids: ONLY_ROOT,
      owner: { uid: 0, gid: 0 },
      notice: 'cells have the id 0 only: this user namespace has no other',
      remedy: 'give the container, or whatever made the namespace, a range of ids',
    };
  }
  const count = Math.min(uids.count, gids.count);
  const notice =
    uids.first === idBase ? undefined : `cells have the ids 0 to ${count - 1}: what this container has`;
  const owner = { uid: uids.first, gid: gids.first };
  const from = (outside: number) => [{ inside: 0, outside, count }];
  return { ...common, kind: 'range', count, uids: from(owner.uid), gids: from(owner.gid), owner, notice };
};

/** Root that may not mount, as in a container: in its own user namespace it has all capabilities. */
const mapped = (rights: OwnRights, idBase: number, launcher: string): CellIds | undefined => {
  const [uids, gids] = [roomFor(rights.uids, idBase), roomFor(rights.gids, idBase)];
  if (uids === undefined || gids === undefined) return undefined;
  const count = Math.min(uids.count, gids.count);
  const maps = { uids: lineUp(0, [uids]), gids: lineUp(0, [gids]) };
  return {
    kind: 'range',
    owners: null,
    count,
    uids: behindFirst(maps.uids, count),
    gids: behindFirst(maps.gids, count),
    owner: { uid: uids.first, gid: gids.first },
    enter: enter(launcher, rights.groups, maps),
    groups: rights.groups,
    overlay: UNPRIVILEGED_OVERLAY,
    notice: `without CAP_SYS_ADMIN: cells have the ids 0 to ${count - 1}, and are made in a user namespace`,
    remedy: undefined,
  };
};

const subordinate = (
  own: number,
  launcher: string,
  {
    uids,
    gids,
    helpers,
  }: { uids: readonly IdRow[]; gids: readonly IdRow[]; helpers: { uid: string; gid: string } },
): CellIds => {
  const maps = { uids: lineUp(own, uids), gids: lineUp(process.getegid?.() ?? own, gids) };
  const count = Math.min(total(maps.uids), total(maps.gids)) - 1;
  const owner = { uid: uids[0]?.first ?? -1, gid: gids[0]?.first ?? -1 };
  return {
    kind: 'subordinate',
    owners: null,
    count,
    uids: behindFirst(maps.uids, count),
    gids: behindFirst(maps.gids, count),
    owner,
    enter: enter(launcher, true, maps, helpers),
    groups: true,
    overlay: UNPRIVILEGED_OVERLAY,
    notice: `not root: cells have the ids 0 to ${count - 1}, subordinate ids of user ${own} from ${owner.uid} on`,
    remedy: undefined,
  };
};

const ONLY_ROOT: readonly IdRange[] = [{ inside: 0, outside: 0, count: 1 }];

const ownId = (uid: number, launcher: string): CellIds => {
  const gid = process.getegid?.() ?? uid;
  return {
    kind: 'single',
    owners: null,
    count: 1,
    uids: ONLY_ROOT,
    gids: ONLY_ROOT,
    owner: { uid, gid },
    enter: enter(launcher, false, { uids: lineUp(uid, []), gids: lineUp(gid, []) }),
    groups: false,
    overlay: UNPRIVILEGED_OVERLAY,
    notice: 'not root: cells have the id 0 only',
    remedy: undefined,
  };
};

const advice = (reason: string, remedy: string) => ({
  notice: `not root: cells have the id 0 only, because ${reason}`,
  remedy,
});

const total = (map: readonly IdRange[]): number => map.reduce((sum, { count }) => sum + count, 0);

const enter = (
  launcher: string,
  groups: boolean,
  maps: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] },
  helpers = { uid: '', gid: '' },
): readonly string[] => [
  launcher,
  'userns',
  groups ? 'groups' : 'nogroups',
  formatMap(maps.uids),
  formatMap(maps.gids),
  helpers.uid,
  helpers.gid,
];

const checked = async (
  ids: CellIds,
  attempt: (enter: readonly string[]) => Promise<void>,
): Promise<CellIds> => {
  await attempt(ids.enter);
  return ids;
};

/** Exit code of the launcher without arguments: EX_USAGE of sysexits(3). */
const USAGE = 64;

const tryToEnter = async (
  [program = '', ...parameters]: readonly string[],
  launcher: string,
): Promise<void> => {
  const options = { timeout: 10_000, cwd: '/', env: {} };
  try {
    await promisify(execFile)(program, [...parameters, launcher], options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === USAGE) return;
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const reason = said === '' && error instanceof Error ? error.message : said.replaceAll(/\s*\n\s*/g, '; ');
    throw new IdsError(reason, { cause: error });
  }
};
