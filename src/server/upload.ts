/** Receives an archive of an image: `PUT /images/<name>`, whose body may take any time as long as it arrives. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ImageService } from '../jobs/images.ts';
import type { Identity } from '../jobs/service.ts';
import { arriving } from './arriving.ts';
import { sendJson } from './send.ts';

const PREFIX = '/images/';

/** Whether the path is that of an image. */
export const isImagePath = (path: string): boolean => path.startsWith(PREFIX);

/** What an upload needs besides the request. */
export interface UploadContext {
  readonly images: ImageService;
  readonly identity: Identity;
  /** Milliseconds in which something of the body has to arrive. */
  readonly silenceMs: number;
}

/**
 * Adds the image that the body of a request is an archive of, and answers with it as JSON.
 *
 * @throws ClientError, and BrokenUpload when the client has gone
 */
export const receiveImage = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  { images, identity, silenceMs }: UploadContext,
): Promise<void> => {
  const name = decode(path.slice(PREFIX.length));
  const source = `archive from ${identity.subject}`;
  const body = arriving(request, silenceMs);
  const image = await images.import(identity, { name, body, source });
  const { name: given, digest, sizeBytes: size, skipped } = image;
  sendJson(response, 201, { image: { name: given, digest, size, skipped } });
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
