/** Receives files for jobs: `PUT /files`, `PUT /files/<id>`, and `HEAD /files/<id>`, which says what is there. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditSource } from '../access/audit.ts';
import { type AuthorizedFiles, uploadHolder } from '../access/authorized-files.ts';
import { badInput } from '../jobs/errors.ts';
import { isDigest } from '../jobs/file.ts';
import type { Identity } from '../jobs/service.ts';
import type { Uploaded, UploadRange, UploadTicket } from '../jobs/uploads.ts';
import { arriving } from './arriving.ts';
import { sendJson } from './send.ts';

const PATH = '/files';

/** Whether the path is that of a file, or of all. */
export const isFilePath = (path: string): boolean => path === PATH || path.startsWith(`${PATH}/`);

/** The id at the end of a path; `undefined`: there is none, and it is derived from the content. */
const idOf = (path: string): string | undefined => (path === PATH ? undefined : path.slice(PATH.length + 1));

/**
 * The permission that the link of a request grants.
 *
 * @returns `undefined` for a request without a link
 * @throws ClientError when the link is not valid
 */
export const ticketOf = (
  path: string,
  { url = '' }: IncomingMessage,
  files: AuthorizedFiles,
): UploadTicket | undefined => {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  return query.has('signature') ? files.openLink(idOf(path) ?? '', query) : undefined;
};

/** What a file needs besides the request. */
export interface FileContext {
  readonly files: AuthorizedFiles;
  /** The caller, or the upload link. */
  readonly from: Identity | UploadTicket;
  /** Where the request came from. */
  readonly source: AuditSource;
  /** Milliseconds in which something of the body has to arrive. */
  readonly silenceMs: number;
}

/**
 * Receives a file, or reports how much of it is there.
 *
 * @throws ClientError, and BrokenUpload when the client has gone
 */
export const answerFile = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: FileContext,
): Promise<void> => {
  if (request.method === 'HEAD') sayWhatIsThere(response, await find(path, context));
  else {
    const uploaded = await receive(path, request, context);
    if (uploaded.kind === 'partial') {
      response.setHeader('Upload-Offset', uploaded.receivedBytes);
      sendJson(response, 202, { upload: { received: uploaded.receivedBytes } });
    } else {
      const { sha256, sizeBytes: size } = uploaded.content;
      sendJson(response, 201, { file: { id: sha256, sha256, size } });
    }
  }
};

/** Sets the header that says how much of a file is there. */
export const sayOffset = async (
  path: string,
  response: ServerResponse,
  context: FileContext,
): Promise<void> => {
  const found = await find(path, context);
  response.setHeader('Upload-Offset', found?.kind === 'partial' ? found.receivedBytes : 0);
};

const find = async (path: string, { files, from }: FileContext): Promise<Uploaded | undefined> => {
  if (!('role' in from)) return files.findByLink(from);
  const id = idOf(path) ?? '';
  return isDigest(id) ? files.find(from, id) : undefined;
};

/** A partial upload counts as missing for clients that do not know how to continue it. */
const sayWhatIsThere = (response: ServerResponse, found: Uploaded | undefined): void => {
  response.setHeader('Cache-Control', 'no-store');
  if (found?.kind === 'partial') response.setHeader('Upload-Offset', found.receivedBytes);
  if (found?.kind === 'complete') response.setHeader('Upload-Offset', found.content.sizeBytes);
  response.writeHead(found?.kind === 'complete' ? 200 : 404).end();
};

const receive = (
  path: string,
  request: IncomingMessage,
  { files, from, source, silenceMs }: FileContext,
): Promise<Uploaded> => {
  const { headers } = request;
  const range = rangeOf(headers['content-range']);
  const length = headers['content-length'];
  const sizeBytes = length === undefined ? undefined : Number(length);
  if (range !== undefined && sizeBytes !== undefined && sizeBytes !== range.last + 1 - range.first)
    throw badInput(
      'content-range',
      `a range of the ${sizeBytes} bytes of the body`,
      headers['content-range'],
    );
  const body = arriving(request, silenceMs);
  const arrives = {
    ...(range !== undefined && { range }),
    ...(range === undefined && sizeBytes !== undefined && { sizeBytes }),
  };
  if (!('role' in from)) return files.receiveByLink(uploadHolder(from, source), from, arrives, body);
  const sha256 = idOf(path);
  return files.receive({ ...from, source }, { ...(sha256 !== undefined && { sha256 }), ...arrives }, body);
};

const rangeOf = (text: string | undefined): UploadRange | undefined => {
  if (text === undefined) return undefined;
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text)?.map(Number) ?? [];
  if (first === undefined || last === undefined || total === undefined || first > last || last >= total)
    throw badInput('content-range', 'bytes FIRST-LAST/TOTAL', text);
  return { first, last, total };
};
