/** Uploads an archive of an image over HTTP: GraphQL carries no files. */

import type { RequestOptions } from 'node:https';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Connection, placeOf, tokenOf, USER_AGENT } from './connection.ts';
import { CliError, ServerError, unreachable } from './errors.ts';
import { inert } from './inert.ts';

/** The image that was made of an archive. */
export interface Uploaded {
  readonly name: string;
  readonly digest: string;
  /** Bytes of its files. */
  readonly size: number;
  readonly skipped: { readonly count: number; readonly paths: readonly string[] };
}

/**
 * Sends an archive, and waits until the server has made an image of it.
 *
 * @param sent called with the number of bytes sent so far
 * @throws ConnectionLost when the server cannot be reached, ServerError for what it refuses
 */
export const uploadImage = async (
  connection: Connection,
  name: string,
  archive: Readable,
  sent: (bytes: number) => void,
): Promise<Uploaded> => {
  const { url, socketPath } = connection;
  await connection.verifyServer?.();
  const token = await tokenOf(connection);
  const http = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const target = new URL(`images/${encodeURIComponent(name)}`, url);
  const options: RequestOptions = {
    method: 'PUT',
    agent: false,
    ...(await connection.readTls?.()),
    ...(socketPath !== undefined && { socketPath }),
    headers: {
      'user-agent': USER_AGENT,
      'content-type': 'application/octet-stream',
      'transfer-encoding': 'chunked',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  const request = http.request(target, options);
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      sent(bytes);
      done(null, chunk);
    },
  });
  const answered = new Promise<{ status: number; body: string }>((resolve, reject) => {
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
  // A server that refuses answers before it has everything: then its answer counts, and not that it stopped reading.
  const sending = pipeline(archive, count, request);
  sending.catch(() => undefined);
  try {
    const { status, body } = await Promise.race([answered, sending.then(() => answered)]).catch(
      () => answered,
    );
    return read(connection, status, body);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw unreachable(placeOf(connection), error, false);
  }
};

const read = (connection: Connection, status: number, body: string): Uploaded => {
  let answer: { image?: Uploaded; errors?: { message: string; extensions?: { code?: string } }[] };
  try {
    answer = JSON.parse(body) as typeof answer;
  } catch {
    throw new CliError(
      `${placeOf(connection)} answered "${status}", and not as Cloister does. Is --url right?`,
    );
  }
  const [error] = answer.errors ?? [];
  if (error !== undefined) throw new ServerError(inert(error.message), error.extensions?.code);
  if (answer.image === undefined)
    throw new CliError(`${placeOf(connection)} answered "${status}" without an image`);
  return answer.image;
};
