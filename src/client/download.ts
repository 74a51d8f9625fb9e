/** Downloads artifacts over HTTP: GraphQL carries no files. */

import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type Connection, placeOf } from './connection.ts';
import { CliError, unreachable } from './errors.ts';
import type { ArtifactDetailsFragment as Artifact } from './generated/operations.ts';
import { inert } from './inert.ts';
import { notOurs, openRequest, readAnswer } from './plain-http.ts';

/**
 * Writes an artifact into a folder, under its own name, replacing what has that name there. The file appears only when
 * all of it has arrived and has the digest that the server gave.
 *
 * @param folder made if there is none
 * @returns the path of the file
 * @throws CliError for a name that leads out of the folder, ConnectionLost, ServerError for what the server refuses
 */
export const downloadArtifact = async (
  connection: Connection,
  jobId: string,
  { name, sha256, mode, kind }: Artifact,
  folder: string,
): Promise<string> => {
  // The job, or a foreign server, chose the name.
  if (!isFileName(name)) throw new CliError(`expected the name of a file, got ${JSON.stringify(name)}`);
  const part = join(folder, `.${randomUUID()}.part`);
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true });
    const response = await get(connection, `jobs/${jobId}/artifacts/${encodeURIComponent(name)}`);
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    const file = await open(part, 'wx', 0o600);
    await pipeline(response, hashing, file.createWriteStream());
    const found = hash.digest('hex');
    if (found !== sha256) throw new CliError(`${inert(name)}: expected SHA-256 ${sha256}, got ${found}`);
    const wanted = kind === 'FILE' && mode !== null ? Number.parseInt(mode, 8) & 0o777 : 0o666;
    await chmod(part, wanted & ~process.umask());
    await rename(part, path);
    return path;
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (isOfFiles(error)) throw new CliError(`${inert(path)}: ${error.message}`, 1, { cause: error });
    throw unreachable(placeOf(connection), error, true);
  } finally {
    await rm(part, { force: true });
  }
};

/** The name as the server has it; the file has to be within the folder, on any system. */
const isFileName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !/[/\\\p{Cc}]/u.test(name);

/** An error of the file system rather than the network. */
const isOfFiles = (error: unknown): error is Error =>
  error instanceof Error && 'syscall' in error && 'path' in error;

/** @param target relative to the API */
const get = async (connection: Connection, target: string): Promise<IncomingMessage> => {
  const request = await openRequest(connection, 'GET', target);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('error', reject).on('response', resolve).end();
  });
  const { statusCode: status = 0 } = response;
  if (status === 200) return response;
  readAnswer(connection, { status, body: await text(response) });
  throw notOurs(connection, status);
};
