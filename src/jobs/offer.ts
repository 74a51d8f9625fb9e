/** What jobs may ask for on the machine that runs them. */

import type { ImageDefaults } from './image.ts';
import type { Limits } from './job.ts';

/** What a request is checked against. */
export interface RequestContext {
  /** `undefined` when no image has that name. */
  image(name: string): Image | undefined;
  /** The names of the images that everybody may use. */
  readonly imageNames: readonly string[];
  readonly limits: LimitsContext;
  /** How the administrator can give cells more ids, where that is possible. */
  readonly idsRemedy?: string | undefined;
  /** Bytes of standard input that a job may be given. */
  readonly mostStdinBytes: number;
}

/** An image, as far as requests are checked against it. */
export interface Image {
  /** Of its content; `null`: unknown. */
  readonly digest: string | null;
  readonly defaults: ImageDefaults;
  /** Which users are accepted: completes "expected ...". */
  readonly userForm: string;
  /** @returns `undefined` for a user that no cell of this image can have */
  findUser(user: string): { readonly uid: number } | undefined;
  /** @param path absolute */
  isFolder(path: string): boolean;
}

/** Limits that a server has a default for and may have a maximum for. */
export type CommonLimit =
  | 'cpus'
  | 'memoryBytes'
  | 'swapBytes'
  | 'pids'
  | 'diskBytes'
  | 'timeoutMs'
  | 'outputBytes';

/** A limit that is enforced by cgroups. */
export type CgroupLimit = Extract<
  keyof Limits,
  | 'cpus'
  | 'cpuWeight'
  | 'cpuset'
  | 'cpuTimeMs'
  | 'memoryBytes'
  | 'memoryHighBytes'
  | 'swapBytes'
  | 'pids'
  | 'io'
>;

/** What the limits of a request are checked against. */
export interface LimitsContext {
  readonly defaults: Readonly<Record<CommonLimit, number>>;
  /** The maximum for each job; `null`: none. */
  readonly maxima: Readonly<Record<CommonLimit, number | null>>;
  /** What the limits of all running jobs may add up to: bytes and CPUs; `null`: not bounded. */
  readonly capacity: { readonly memoryBytes: number | null; readonly cpus: number | null };
  /** Why this host cannot enforce a limit, with the remedy; `undefined` when it can. */
  missing(limit: CgroupLimit): string | undefined;
  /** The numbers of the CPUs that jobs may run on. */
  cpus(): readonly number[];
  /**
   * The whole disk of a device, by default of that which holds the state folder, as `major:minor`; or why there is
   * none.
   */
  disk(device: string | undefined): { readonly device: string } | { readonly problem: string };
  /** The most bytes of whole pages of memory that are no more than these. */
  wholePages(bytes: number): number;
}
