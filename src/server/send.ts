/** Sends whole answers that are made here, and not by the engine. */

import type { ServerResponse } from 'node:http';

/** Answers with a text that must not be cached. */
export const sendText = (response: ServerResponse, status: number, type: string, text: string): void => {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(text);
};

/** Answers with a value as JSON. */
export const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  sendText(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
