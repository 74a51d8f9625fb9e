/** Pages of other origins that may use the API: CORS (WHATWG Fetch, section 3.2). */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { REQUEST_ID } from './request-id.ts';

/** Seconds for which browsers remember the answer to a preflight. */
const MAX_AGE_S = 600;

/**
 * Headers that scripts may send: each one that the server reads, including those that browsers allow without asking
 * only for some values.
 */
const ASKED = [
  'Authorization',
  'Content-Type',
  'Accept',
  // Uploads and downloads in parts (RFC 9110, sections 13 and 14).
  'Content-Range',
  'Range',
  'If-Range',
  'If-None-Match',
  // https://www.w3.org/TR/trace-context/
  'traceparent',
  'tracestate',
  REQUEST_ID,
].join(', ');

/**
 * The headers that scripts may read in addition to those that they always may, such as Content-Type and Content-Length.
 */
const ANSWERED = [
  'Retry-After',
  'Upload-Offset',
  'Accept-Ranges',
  'Content-Range',
  'Content-Disposition',
  'ETag',
  REQUEST_ID,
].join(', ');

/**
 * Whether a request comes from a page of another origin that the operator allows.
 *
 * @param origins as browsers send them, such as `https://app.example`
 */
export const isFromAllowedOrigin = ({ origin }: IncomingHttpHeaders, origins: readonly string[]): boolean =>
  origin !== undefined && origins.includes(origin);

/**
 * Lets the page that a request comes from read the answer. Only what its script sends in the Authorization header
 * counts as credentials, nothing that a browser adds by itself.
 *
 * @returns whether the request was a preflight, which has been answered
 */
export const answerOrigin = (
  request: IncomingMessage,
  response: ServerResponse,
  origins: readonly string[],
): boolean => {
  if (origins.length === 0) return false;
  // Also where the page is not allowed: an answer that is kept must not be given to another one.
  response.setHeader('Vary', 'Origin');
  if (!isFromAllowedOrigin(request.headers, origins)) return false;
  response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '');
  response.setHeader('Access-Control-Expose-Headers', ANSWERED);
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
    return false;
  response
    .writeHead(204, {
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT',
      'Access-Control-Allow-Headers': ASKED,
      'Access-Control-Max-Age': MAX_AGE_S,
    })
    .end();
  return true;
};
