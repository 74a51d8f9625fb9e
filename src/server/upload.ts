/** Receives an archive of an image: `PUT /images/<name>`, whose body may take any time as long as it arrives. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientError } from '../jobs/errors.ts';
import type { ImageService } from '../jobs/images.ts';
import type { Identity } from '../jobs/service.ts';

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

/** An upload was broken off by its client. */
export class BrokenUpload extends Error {
  override readonly name = 'BrokenUpload';
}

/**
 * Adds the image that the body of a request is an archive of, and answers with it as JSON.
 *
 * @throws ClientError, and BrokenUpload when the client has gone: then there is nobody to answer
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
  const { digest, sizeBytes: size, skipped } = image;
  const text = JSON.stringify({ image: { name: image.name, digest, size, skipped } });
  response.writeHead(201, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(text);
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** The body of a request; ends with an error when nothing arrives for a time, and when it is cut off. */
async function* arriving(request: IncomingMessage, silenceMs: number): AsyncGenerator<Uint8Array> {
  const silent = (): void => {
    request.destroy(new BrokenUpload(`nothing arrived for ${silenceMs / 1000} s`));
  };
  let timer = setTimeout(silent, silenceMs);
  try {
    // One that is refused is answered, for which its connection has to stay.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      clearTimeout(timer);
      yield chunk as Uint8Array;
      timer = setTimeout(silent, silenceMs);
    }
  } catch (error) {
    throw error instanceof ClientError ? error : new BrokenUpload('the upload was cut off', { cause: error });
  } finally {
    clearTimeout(timer);
  }
  if (!request.complete) throw new BrokenUpload('the upload was cut off');
}
