/** Sends an artifact: `GET /jobs/<id>/artifacts/<name>` (RFC 9110: ranges, and requests with conditions). */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { OpenArtifact } from '../jobs/service.ts';

/** The artifact that a path names. */
export interface ArtifactPath {
  readonly jobId: string;
  readonly name: string;
}

/** @returns `undefined` for a path that names none */
export const artifactPath = (path: string): ArtifactPath | undefined => {
  const [, jobId, name] = /^\/jobs\/([^/]+)\/artifacts\/([^/]+)$/.exec(path) ?? [];
  if (jobId === undefined || name === undefined) return undefined;
  try {
    return { jobId: decodeURIComponent(jobId), name: decodeURIComponent(name) };
  } catch {
    return undefined;
  }
};

/** A range of bytes, both ends included. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * Answers a GET or HEAD with an artifact, or the part of it that was asked for. The response is cut off when the client
 * reads nothing for a time. The caller closes the artifact.
 */
export const sendArtifact = async (
  request: IncomingMessage,
  response: ServerResponse,
  { name, artifact, content }: OpenArtifact,
  silenceMs: number,
): Promise<void> => {
  const etag = `"${artifact.sha256}"`;
  const { sizeBytes } = content;
  const headers = {
    ETag: etag,
    'Accept-Ranges': 'bytes',
    // The content is not trusted: no browser should display or run it.
    'Content-Disposition': disposition(name),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "sandbox; default-src 'none'",
    // Revalidated each time, so that a caller who has lost access gets no cached copy.
    'Cache-Control': 'private, no-cache',
  };
  if (isKnown(request.headers['if-none-match'], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = rangeOf(request, sizeBytes, etag);
  if (range === 'unsatisfiable') {
    response
      .writeHead(416, { ...headers, 'Content-Range': `bytes */${sizeBytes}`, 'Content-Length': 0 })
      .end();
    return;
  }
  const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
  response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    'Content-Type': artifact.kind === 'ARCHIVE' ? 'application/x-tar' : 'application/octet-stream',
    'Content-Length': last - first + 1,
    ...(range && { 'Content-Range': `bytes ${first}-${last}/${sizeBytes}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  response.setTimeout(silenceMs, () => response.destroy());
  await pipeline(content.read(first, last), response);
};

/** Section 13.1.2: one of the tags of a list, weak or not, or any. */
const isKnown = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  (header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag));

/**
 * The part that a request asks for (section 14.2). Several ranges, invalid ones, and a range of something else
 * (`If-Range`) are ignored, which the RFC permits.
 */
const rangeOf = (
  { method, headers }: IncomingMessage,
  sizeBytes: number,
  etag: string,
): Range | 'unsatisfiable' | undefined => {
  const { range } = headers;
  const condition = headers['if-range'];
  if (method !== 'GET' || range === undefined || (condition !== undefined && condition !== etag))
    return undefined;
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(range.trim()) ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') {
    const count = Math.min(Number(to), sizeBytes);
    return count === 0 ? 'unsatisfiable' : { first: sizeBytes - count, last: sizeBytes - 1 };
  }
  if (to !== '' && Number(to) < Number(from)) return undefined;
  if (Number(from) >= sizeBytes) return 'unsatisfiable';
  return { first: Number(from), last: to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1) };
};

/** RFC 6266: a name of ASCII for old programs, and the real one. */
const disposition = (name: string): string => {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
};
