/** The files of jobs as a caller may use them: decides who may upload, and which upload links are valid. */

import { badInput, ClientError, forbidden } from '../jobs/errors.ts';
import { isDigest } from '../jobs/file.ts';
import type { Identity } from '../jobs/service.ts';
import type { FileService, TicketRequest, Uploaded, UploadRequest, UploadTicket } from '../jobs/uploads.ts';
import type { AuditSource } from './audit.ts';
import { type LinkKeySource, LinkSigner } from './link-signer.ts';

/** A link to upload one file. */
export interface UploadLink {
  readonly ticket: UploadTicket;
  /** The query string with its signature. */
  readonly query: string;
}

/** What a request declares about its body, in addition to its link. */
export type ArrivingUpload = Pick<UploadRequest, 'sizeBytes' | 'range'>;

/**
 * A service of files that allows an ADMIN and a USER to upload. Content belongs to the subject that uploads it. A link
 * acts for its maker, for one content of one size, and is valid until it expires.
 */
export class AuthorizedFiles {
  readonly #files: FileService;
  readonly #now: () => number;
  readonly #signer: LinkSigner;

  /** @param now milliseconds since 1970 */
  constructor(files: FileService, keys: LinkKeySource, now: () => number = Date.now) {
    this.#files = files;
    this.#signer = new LinkSigner('upload', keys);
    this.#now = now;
  }

  /** As `FileService.find`. */
  async find(identity: Identity, sha256: string): Promise<Uploaded | undefined> {
    checkMayUpload(identity);
    return this.#files.find(identity.subject, sha256);
  }

  /** As `FileService.receive`. */
  async receive(
    identity: Identity,
    request: UploadRequest,
    body: AsyncIterable<Uint8Array>,
  ): Promise<Uploaded> {
    checkMayUpload(identity);
    return this.#files.receive(identity.subject, request, body);
  }

  /** As `FileService.bytesOf`: for those who may see the quotas of a subject. */
  bytesOf(subject: string): number {
    return this.#files.bytesOf(subject);
  }

  /**
   * Creates a link for uploading content without a token.
   *
   * @throws ClientError as `receive`
   */
  async createLink(identity: Identity, request: TicketRequest): Promise<UploadLink> {
    checkMayUpload(identity);
    const ticket = await this.#files.createTicket(identity.subject, request);
    const { subject, sizeBytes, expiresAt } = ticket;
    const query = new URLSearchParams({
      subject,
      size: String(sizeBytes),
      expires: String(expiresAt.getTime()),
      signature: this.#signer.sign(partsOf(ticket)),
    });
    return { ticket, query: query.toString() };
  }

  /**
   * What a link says.
   *
   * @param id the last part of its path
   * @throws ClientError `FORBIDDEN` when it is not valid
   */
  openLink(id: string, query: URLSearchParams): UploadTicket {
    const ticket: UploadTicket = {
      subject: query.get('subject') ?? '',
      id,
      sizeBytes: Number(query.get('size')),
      expiresAt: new Date(Number(query.get('expires'))),
    };
    if (!this.#signer.isValid(partsOf(ticket), query.get('signature') ?? ''))
      throw new ClientError('FORBIDDEN', 'signature: expected a link as createUpload made it');
    if (ticket.expiresAt.getTime() <= this.#now())
      throw new ClientError('FORBIDDEN', 'expires: expected a link that has not expired: make a new one');
    return ticket;
  }

  /** How many bytes of the content of a link have arrived. */
  async findByLink({ subject, id }: UploadTicket): Promise<Uploaded | undefined> {
    return isDigest(id) ? this.#files.find(subject, id) : undefined;
  }

  /**
   * Receives what is uploaded through a link.
   *
   * @param _holder who is recorded as the sender; the link says whose content it is
   * @throws ClientError as `FileService.receive`
   */
  async receiveByLink(
    _holder: Identity,
    { subject, id, sizeBytes }: UploadTicket,
    { range, sizeBytes: bodyBytes }: ArrivingUpload,
    body: AsyncIterable<Uint8Array>,
  ): Promise<Uploaded> {
    const wholeBytes = range?.total ?? bodyBytes;
    if (wholeBytes !== undefined && wholeBytes !== sizeBytes)
      throw badInput('body', `the ${sizeBytes} bytes that the link is for`, `${wholeBytes} bytes`);
    const named = isDigest(id) ? { sha256: id } : { id };
    return this.#files.receive(subject, { ...named, sizeBytes, ...(range && { range }) }, body);
  }
}

/** The holder of a link, acting for its maker. */
export const uploadHolder = ({ subject }: UploadTicket, source: AuditSource): Identity => ({
  subject,
  role: 'USER',
  method: 'SHARE',
  source,
});

/** What a link says, which its signature covers. */
const partsOf = ({ subject, id, sizeBytes, expiresAt }: UploadTicket) => [
  subject,
  id,
  sizeBytes,
  expiresAt.getTime(),
];

const checkMayUpload = ({ role }: Identity): void => {
  if (role === 'VIEWER') throw forbidden(['ADMIN', 'USER'], role);
};
