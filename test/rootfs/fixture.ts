/** Archives and servers for tests of images. */

import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header, type HeaderData } from 'tar';
import type { ImageArchive } from '../../rootfs/catalogue.ts';
import { disposers } from '../support/disposers.ts';

const cleanUp = disposers();

export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-rootfs-'));
  cleanUp(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** An HTTP server on a free port of the loopback. Answers with its base URL. */
export const httpServer = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** A URL where nobody listens: its server is closed again. */
export const deadUrl = async (): Promise<string> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
};

export interface Entry extends HeaderData {
  readonly path: string;
  readonly content?: string;
}

/** The bytes of a tar archive with these entries, exactly as they are given: nothing is made safe. */
export const tarOf = (entries: readonly Entry[]): Buffer => {
  const blocks = entries.flatMap(({ content = '', ...data }) => {
    const bytes = Buffer.from(content);
    const header = Buffer.alloc(512);
    const defaults = { type: 'File', mode: 0o644, uid: 0, gid: 0, mtime: new Date(1e12) } as const;
    new Header({ ...defaults, ...data, size: bytes.length }).encode(header);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
};

/** Writes a compressed archive into a folder, with the definition that `images.json` would hold for it. */
export const archiveIn = async (
  folder: string,
  entries: readonly Entry[],
  url = 'http://127.0.0.1:1/small-1.0.tar.gz',
): Promise<{ archive: ImageArchive; path: string; bytes: Buffer }> => {
  const bytes = gzipSync(tarOf(entries));
  const path = join(folder, 'small-1.0.tar.gz');
  await writeFile(path, bytes);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  return { archive: { name: 'small', version: '1.0', url, size: bytes.length, sha512 }, path, bytes };
};

/** A little root filesystem. */
export const SMALL_ROOT: readonly Entry[] = [
  { path: './', type: 'Directory', mode: 0o755 },
  { path: './bin/', type: 'Directory', mode: 0o755 },
  { path: './bin/tool', content: '#!/bin/sh\n', mode: 0o755 },
  { path: './etc/', type: 'Directory', mode: 0o755 },
  { path: './etc/version', content: '1\n' },
];
