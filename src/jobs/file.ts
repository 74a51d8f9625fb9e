/** The content of a file that jobs may be given, and where such contents are recorded. */

/** A content that a subject has here. */
export interface FileContent {
  /** The subject that alone may use it. */
  readonly owner: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly createdAt: Date;
  /** When it was uploaded, looked for, or given to a job. */
  readonly usedAt: Date;
  /** It was uploaded; otherwise it came with jobs, and is kept as long as one of them is. */
  readonly uploaded: boolean;
}

/** The ids of contents are their digests. */
export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** Which unneeded contents may be removed: those that were last used before these times. */
export interface Unused {
  readonly uploadedBefore: Date;
  readonly inlineBefore: Date;
}

/** Where contents are recorded. `src/store/` implements it. Writes are on disk when they settle. */
export interface FileStore {
  /** Every content. */
  all(): Promise<readonly FileContent[]>;
  /** A content of a subject; `undefined` when it has none with that digest. */
  get(owner: string, sha256: string): Promise<FileContent | undefined>;
  /** The digest of the content that a subject has uploaded under an id; `undefined`: there is none. */
  named(owner: string, id: string): Promise<string | undefined>;
  /**
   * Records a content, or the use of a recorded one. Content that was uploaded once stays marked as uploaded.
   *
   * @param id under which it was uploaded
   * @throws StoreFullError
   */
  put(content: Omit<FileContent, 'createdAt'>, id?: string): Promise<void>;
  /**
   * Contents that no job which has not ended was given, and that came with no job, oldest use first.
   *
   * @param limit of their number
   */
  unused(before: Unused, limit: number): Promise<readonly FileContent[]>;
  /**
   * Removes a content that nothing uses.
   *
   * @returns false when something does
   * @throws StoreFullError
   */
  remove(owner: string, sha256: string): Promise<boolean>;
  /**
   * Records the use of the contents of jobs that have not ended.
   *
   * @param before only contents whose last recorded use is before this time
   * @throws StoreFullError
   */
  touchUsed(before: Date, now: Date): Promise<void>;
}
