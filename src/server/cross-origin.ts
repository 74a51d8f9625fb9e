/** Pages of other origins that may use the API: CORS (WHATWG Fetch, section 3.2). */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { REQUEST_ID } from './request-id.ts';

/** Seconds for which browsers remember the answer to a preflight. */
const MAX_AGE_S = 600;

/**
 * Whether a request comes from a page of another origin that the operator allows.
 *
 * @param origins as browsers send them, such as `https://app.example`
 */
export const isFromAllowedOrigin = ({ origin }: IncomingHttpHeaders, origins: readonly string[]): boolean =>
  origin !== undefined && origins.includes(origin);

/**
 * Lets the page that a request comes from read the answer. Credentials are what its script sends, in the Authorization
 * header: nothing that a browser adds by itself is asked for.
 *
 * @returns whether the request was a question about that alone, which is answered now
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
  response.setHeader('Access-Control-Expose-Headers', `Retry-After, Upload-Offset, ${REQUEST_ID}`);
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
    return false;
  response
    .writeHead(204, {
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT',
      'Access-Control-Allow-Headers': `Authorization, Content-Type, Content-Range, Accept, ${REQUEST_ID}`,
      'Access-Control-Max-Age': MAX_AGE_S,
    })
    .end();
  return true;
};
