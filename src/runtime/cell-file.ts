/** A file of a cell, and what can be done with it. Paths and names are texts that stand for bytes (`byte-text.ts`). */

/** What kind of thing a file is. */
export const FILE_KINDS = ['FILE', 'FOLDER', 'LINK', 'FIFO', 'SOCKET', 'DEVICE'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** What is known of a file. */
export interface FileStatus {
  readonly kind: FileKind;
  /** Permission bits. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Ids of the cell. */
  readonly uid: number;
  readonly gid: number;
}

/** A file as its folder names it. */
export interface FileEntry extends FileStatus {
  readonly name: string;
  /** Where a link leads; `null` for anything else. */
  readonly target: string | null;
}

/** The outcome of a request. */
export interface FilesAnswer {
  /** What is at the path, after the request. */
  readonly file: FileStatus;
  /** Of a folder, in the order of their names as bytes. */
  readonly entries: readonly FileEntry[];
  /** There are further entries. */
  readonly hasMore: boolean;
  /** What was read. */
  readonly bytes: Buffer;
}

/** One request for the files of a cell. */
export type FilesRequest =
  | {
      readonly kind: 'list';
      readonly path: string;
      /** Entries of a folder. */
      readonly most: number;
      /** Those after this name. */
      readonly after: string;
    }
  | {
      readonly kind: 'read';
      readonly path: string;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
    }
  | {
      readonly kind: 'write';
      readonly path: string;
      /** `null`: unchanged, or 0644 for a new file. */
      readonly mode: number | null;
      /** Where the bytes belong, after which the file ends; `null`: at its end. */
      readonly offsetBytes: number | null;
      /** Make the folders that are missing. */
      readonly parents: boolean;
      readonly bytes: Uint8Array;
      /** What it is renamed to when they are written; `null`: it keeps its name. */
      readonly moveTo: string | null;
    }
  | {
      readonly kind: 'folder';
      readonly path: string;
      /** `null`: 0755. */
      readonly mode: number | null;
      readonly parents: boolean;
    }
  | {
      readonly kind: 'link';
      readonly path: string;
      /** Where it leads. */
      readonly target: string;
      readonly parents: boolean;
      /** As of a file. */
      readonly moveTo: string | null;
    };
