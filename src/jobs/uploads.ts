/** The interfaces of the files that jobs are given: what jobs need of them, and what clients can do. */

import type { FileContent } from './file.ts';

/** What the job service needs of the contents of files. */
export interface JobFiles {
  /**
   * A content of a subject, which is kept until `release` is called, and then by the job that was stored meanwhile.
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

/** A content that stays until it is released. */
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

/** An upload was broken off by its client: there is nobody to answer. */
export class BrokenUpload extends Error {
  override readonly name = 'BrokenUpload';
}

/** What is known of a content that is uploaded. */
export interface UploadRequest {
  /** What it has to be; left out: unknown. */
  readonly sha256?: string;
  /** Bytes of it; left out: unknown. */
  readonly sizeBytes?: number;
  /** The id that its owner calls it by beside its digest. */
  readonly id?: string;
  /** Left out: the body is all of it. */
  readonly range?: UploadRange;
}

/** What has become of an upload: the content is here, or so many bytes of it are. */
export type Uploaded =
  | { readonly kind: 'complete'; readonly content: FileContent }
  | { readonly kind: 'partial'; readonly receivedBytes: number };

/** Leave to upload a content without a token: what a signed link says. */
export interface UploadTicket {
  readonly subject: string;
  /** The id of the file: its digest, where that was known, or another one. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly expiresAt: Date;
}

/**
 * Contents of files, each of the subject that has uploaded it: what others have, nobody finds out. Every method throws
 * `ClientError` for the caller's mistakes.
 */
export interface FileService {
  /**
   * A content that a subject has uploaded, which counts as a use of it; or how much of it has arrived, of an upload that
   * was broken off.
   */
  find(subject: string, sha256: string): Promise<Uploaded | undefined>;
  /**
   * Takes a content in as it arrives. Nothing is left of one that is refused; of one that is broken off what has arrived is
   * kept for a while, where its digest was named.
   *
   * @throws ClientError `BAD_USER_INPUT`, `QUOTA_EXCEEDED`, `FILES_FULL`, `STORAGE_FULL`, `UNAVAILABLE`; and what the body
   *   throws
   */
  receive(subject: string, request: UploadRequest, body: AsyncIterable<Uint8Array>): Promise<Uploaded>;
  /** Bytes that the contents take which a subject has uploaded. */
  bytesOf(subject: string): number;
  /**
   * What a link says that a subject may upload by within a short time.
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
