/** An image, what it consists of, and where images are recorded. */

import type { EnvVar } from './job.ts';

/** What an image says about the commands that run in it. A request that says something else wins. */
export interface ImageDefaults {
  readonly env: readonly EnvVar[];
  /** What runs where a request has neither `command` nor `argv`; `null`: nothing. */
  readonly command: readonly [string, ...string[]] | null;
  /** `user[:group]`; `null`: root of the cell. */
  readonly user: string | null;
  /** Absolute; `null`: the root. */
  readonly workdir: string | null;
}

export const NO_DEFAULTS: ImageDefaults = { env: [], command: null, user: null, workdir: null };

/** The content of an image that was added to this server. It may have several names, or none any more. */
export interface ImageContent {
  /** `sha256:` and hexadecimal digits: of its manifest, or of its configuration where it has none. */
  readonly digest: string;
  /** The ids of its layers, from the lowest to the uppermost. */
  readonly layers: readonly [string, ...string[]];
  readonly defaults: ImageDefaults;
  /** Bytes of its files, those that it shares with other images included. */
  readonly sizeBytes: number;
  readonly createdAt: Date;
}

/** A name of an image. */
export interface ImageName {
  readonly name: string;
  readonly digest: string;
  /** The subject that alone may use it, besides admins; `null`: everybody. */
  readonly owner: string | null;
  /** Where it is from, for people. */
  readonly source: string;
  /** When the name was given. */
  readonly createdAt: Date;
}

/** Where the images that were added are recorded. `src/store/` implements it. Writes are on disk when they settle. */
export interface ImageStore {
  /** All contents, those without a name included. */
  contents(): Promise<readonly ImageContent[]>;
  /** All names. */
  names(): Promise<readonly ImageName[]>;
  /**
   * Adds a name with its content, which may be there, or changes which content the name is for.
   *
   * @throws StoreFullError
   */
  put(name: ImageName, content: ImageContent): Promise<void>;
  /** @throws StoreFullError */
  removeName(name: string): Promise<void>;
  /**
   * Removes a content that has no name.
   *
   * @throws StoreFullError
   */
  removeContent(digest: string): Promise<void>;
  /** The digests of the images of all jobs that have not ended. */
  used(): Promise<ReadonlySet<string>>;
  /**
   * Jobs that wait for an image that comes with the server start from this content of it.
   *
   * @throws StoreFullError
   */
  retarget(name: string, digest: string): Promise<void>;
}

/** Entries of archives that were left out, since cells have no use for them: devices, above all. */
export interface SkippedEntries {
  readonly count: number;
  /** The first of them, as paths of a cell. */
  readonly paths: readonly string[];
}

export const NONE_SKIPPED: SkippedEntries = { count: 0, paths: [] };

/** An image as it is listed. */
export interface Image extends ImageName {
  readonly skipped: SkippedEntries;
  readonly sizeBytes: number;
  readonly layers: number;
  readonly defaults: ImageDefaults;
  /** It comes with the server: it can be neither replaced nor deleted. */
  readonly builtIn: boolean;
  /** A job that has not ended uses its content. */
  readonly inUse: boolean;
}
