/** The interfaces of the files that jobs are given: what jobs need of them, and what clients can do. */

import type { FileContent } from './file.ts';

/** What the job service needs of the contents of files. */
export interface JobFiles {
  /**
   * Keeps a content of a subject until `release` is called; the job that was stored meanwhile keeps it afterwards.
   *
   * @param id its digest, or the id under which it was uploaded
   */
  claim(owner: string, id: string): Promise<ClaimedFile | undefined>;
  /**
   * Keeps a content that came with a job, on disk when the promise settles, as `claim` does.
   *
   * @throws StoreFullError
   */
  keep(owner: string, content: Uint8Array): Promise<ClaimedFile>;
  /** A content that is kept; `undefined` when it is missing, as after a restored backup. */
  read(owner: string, sha256: string): Promise<Buffer | undefined>;
}

/** A content that is kept until it is released. */
export interface ClaimedFile {
  readonly content: FileContent;
  /** The content is not needed any more. May be called again. */
  release(): void;
}

/** Which part of a content a request has: `Content-Range` (RFC 9110, section 14.4). */
export interface UploadRange {
  readonly first: number;
  /** Of the last byte. */
  readonly last: number;
  /** Bytes of the whole content. */
  readonly total: number;
}

/** The client broke the upload off: there is nobody to answer. */
export class BrokenUpload extends Error {
  override readonly name = 'BrokenUpload';
}

/** What is known about content that is being uploaded. */
export interface UploadRequest {
  /** The digest that it must have; left out: unknown. */
  readonly sha256?: string;
  /** The size that it must have; left out: unknown. */
  readonly sizeBytes?: number;
  /** The id by which its owner refers to it, other than its digest. */
  readonly id?: string;
  /** Left out: the body is all of it. */
  readonly range?: UploadRange;
}

/** The outcome of an upload: the content is here, or this many bytes of it are. */
export type Uploaded =
  | { readonly kind: 'complete'; readonly content: FileContent }
  | { readonly kind: 'partial'; readonly receivedBytes: number };

/** Permission to upload content without a token, as a signed link grants it. */
export interface UploadTicket {
  readonly subject: string;
  /** The id of the file: its digest, where that was known, or another one. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly expiresAt: Date;
}

/**
 * Contents of files, each belonging to the subject that uploaded it: nobody can find out what others have. Every method
 * throws `ClientError` for the caller's mistakes.
 */
export interface FileService {
  /**
   * A content that a subject has uploaded, which counts as a use of it; or how much of it has arrived, of an upload that
   * was broken off.
   */
  find(subject: string, sha256: string): Promise<Uploaded | undefined>;
  /**
   * Receives content as it arrives. Nothing is kept of content that is refused; if the upload breaks off, what has
   * arrived is kept for a while, provided that its digest was given.
   *
   * @throws ClientError `BAD_USER_INPUT`, `QUOTA_EXCEEDED`, `FILES_FULL`, `STORAGE_FULL`, `UNAVAILABLE`; and what the body
   *   throws
   */
  receive(subject: string, request: UploadRequest, body: AsyncIterable<Uint8Array>): Promise<Uploaded>;
  /** Bytes of the contents that a subject has uploaded. */
  bytesOf(subject: string): number;
  /**
   * Makes the permission that a link grants, with which a subject may upload for a short time.
   *
   * @throws ClientError as `receive`
   */
  createTicket(subject: string, request: TicketRequest): Promise<UploadTicket>;
}

/** What a ticket is for. */
export interface TicketRequest {
  readonly sizeBytes: number;
  readonly sha256?: string;
}
