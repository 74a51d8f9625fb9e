/** Sends whole answers that are made here, and not by the engine. */

import type { ServerResponse } from 'node:http';

/** Answers with a text that must not be cached. */
export const sendText = (response: ServerResponse, status: number, type: string, text: string): void => {
  begin(response, status, type, text);
  response.end(text);
};

const begin = (response: ServerResponse, status: number, type: string, text: string): void => {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
};

/** How long what a client still sends is read after its request was refused. */
const LINGER_MS = 5000;

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with a value as JSON. */
export const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  sendText(response, status, JSON_TYPE, JSON.stringify(body));

/**
 * Answers a request whose body need not have arrived with a value as JSON, and closes the connection. If something of the body
 * was unread then, the system would reset the connection, and the answer could be lost (RFC 9112,
 * section 9.6): so it is read until it ends, for some seconds.
 */
export const sendLastJson = (response: ServerResponse, status: number, body: unknown): void => {
  const { req: request } = response;
  const text = JSON.stringify(body);
  response.setHeader('Connection', 'close');
  begin(response, status, JSON_TYPE, text);
  response.write(text);
  if (request.complete) {
    response.end();
    return;
  }
  const timer = setTimeout(() => response.end(), LINGER_MS);
  for (const event of ['end', 'close'])
    request.once(event, () => {
      clearTimeout(timer);
      response.end();
    });
  request.resume();
};
