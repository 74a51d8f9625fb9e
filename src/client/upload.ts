/** Uploads archives of images and files for jobs over HTTP: GraphQL carries no files. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, placeOf } from './connection.ts';
import { CliError, ConnectionLost, ServerError, unreachable } from './errors.ts';
import { type Answer, openRequest, readAnswer } from './plain-http.ts';

/** The image that was made of an archive. */
export interface Uploaded {
  readonly name: string;
  readonly digest: string;
  /** Bytes of its files. */
  readonly size: number;
  readonly skipped: { readonly count: number; readonly paths: readonly string[] };
}

/** Called with the number of bytes sent so far. */
export type Sent = (bytes: number) => void;

/**
 * Sends an archive, and waits until the server has made an image of it.
 *
 * @throws ConnectionLost when the server cannot be reached, ServerError for what it refuses
 */
export const uploadImage = async (
  connection: Connection,
  name: string,
  archive: Readable,
  sent: Sent,
): Promise<Uploaded> => {
  const chunked = { 'transfer-encoding': 'chunked' };
  const answer = await put(connection, `images/${encodeURIComponent(name)}`, archive, chunked, sent);
  const { image } = readAnswer<{ image?: Uploaded }>(connection, answer);
  if (image === undefined)
    throw new CliError(`${placeOf(connection)} answered "${answer.status}" without an image`);
  return image;
};

/**
 * Makes sure that the server has the content of a file: sends what is missing of it, and again after the delays of the
 * connection when that breaks, which start over when something has arrived. A server that was never reached is not waited
 * for.
 *
 * @returns the id of the content
 * @throws ConnectionLost when the server cannot be reached, ServerError for what it refuses
 */
export const uploadFile = async (
  connection: Connection,
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
  sent: Sent,
): Promise<string> => {
  const sha256 = await digestOf(path);
  const target = `files/${sha256}`;
  // The most bytes that had arrived; -1: the server was not reached.
  let most = -1;
  for (let failures = 0; ; failures++) {
    try {
      const there = await head(connection, target);
      if (there.isComplete) return sha256;
      if (there.offset > most) failures = 0;
      most = Math.max(most, there.offset);
      const headers = {
        'content-length': String(sizeBytes - there.offset),
        ...(there.offset > 0 && {
          'content-range': `bytes ${there.offset}-${sizeBytes - 1}/${sizeBytes}`,
        }),
      };
      const rest = createReadStream(path, { start: there.offset });
      const answer = await put(connection, target, rest, headers, (bytes) => sent(there.offset + bytes));
      const { file } = readAnswer<{ file?: { id: string } }>(connection, answer);
      if (file === undefined)
        throw new CliError(`${placeOf(connection)} answered "${answer.status}" without a file`);
      return file.id;
    } catch (error) {
      // A server that has not noticed yet that an upload was broken off refuses another one.
      const isPassing =
        error instanceof ConnectionLost || (error instanceof ServerError && error.code === 'UNAVAILABLE');
      const delayMs = connection.retryDelays[failures];
      if (!isPassing || most < 0 || delayMs === undefined) throw error;
      await delay(delayMs);
    }
  }
};

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

/** How much of a content is on the server. */
const head = async (
  connection: Connection,
  target: string,
): Promise<{ readonly isComplete: boolean; readonly offset: number }> => {
  const request = await openRequest(connection, 'HEAD', target);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('error', reject).on('response', resolve).end();
    });
    response.resume();
    return {
      isComplete: response.statusCode === 200,
      offset: Number(response.headers['upload-offset'] ?? 0),
    };
  } catch (error) {
    throw unreachable(placeOf(connection), error, false);
  }
};

const put = async (
  connection: Connection,
  target: string,
  content: Readable,
  headers: Readonly<Record<string, string>>,
  sent: Sent,
): Promise<Answer> => {
  const type = { 'content-type': 'application/octet-stream' };
  const request = await openRequest(connection, 'PUT', target, { ...type, ...headers });
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      sent(bytes);
      done(null, chunk);
    },
  });
  const answered = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
  answered.catch(() => undefined);
  // A server that refuses answers before it has read everything: then its answer counts, not the broken connection.
  const sending = pipeline(content, count, request);
  sending.catch(() => undefined);
  try {
    return await Promise.race([answered, sending.then(() => answered)]).catch(() => answered);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw unreachable(placeOf(connection), error, false);
  }
};
