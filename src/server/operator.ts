/** The endpoints for operators and their programs: liveness, readiness and metrics. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOn } from './listen.ts';
import { ambiguousHost, foreignName, type NamePolicy } from './origin.ts';
import { sendJson, sendText } from './send.ts';

/** The state of a part of the server: `WORKS`, or a clause without secrets that says why it does not work. */
export type Health = Readonly<Record<string, string>>;

export const WORKS = 'ok';

/** The data that an operator may read. */
export interface Operator {
  /** By part, `WORKS` or why it does not. */
  ready(): Promise<Health>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

/** Answers `/healthz` and `/readyz`, which anybody may ask: load balancers have no token. */
export const answerHealth = async (
  path: string,
  response: ServerResponse,
  operator: Pick<Operator, 'ready'>,
): Promise<void> => {
  const parts: Health =
    path === '/healthz' ? { server: WORKS } : { server: WORKS, ...(await operator.ready()) };
  const works = Object.values(parts).every((state) => state === WORKS);
  sendJson(response, works ? 200 : 503, { status: works ? WORKS : 'unavailable', parts });
};

/** Answers `/metrics`. */
export const answerMetrics = async (response: ServerResponse, metrics: Operator['metrics']): Promise<void> =>
  sendText(response, 200, metrics.contentType, await metrics.text());

/**
 * Serves metrics and health, and nothing else, on an address of their own, where no token is asked for.
 *
 * @returns its port, and what stops it
 * @throws Error when it cannot listen
 */
export const serveOperator = async (
  listen: { readonly host: string; readonly port: number },
  operator: Operator,
  { allowedHosts, failed }: Pick<NamePolicy, 'allowedHosts'> & { failed(error: unknown): void },
): Promise<{ readonly port: number; close(): Promise<void> }> => {
  const policy: NamePolicy = { host: listen.host, allowedHosts };
  const http = createServer((request, response) => {
    answer(request, response, operator, policy).catch((error: unknown) => {
      failed(error);
      response.destroy();
    });
  });
  http.maxConnections = 64;
  await listenOn(http, listen);
  const address = http.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : listen.port,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
};

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  operator: Operator,
  policy: NamePolicy,
): Promise<void> => {
  const path = request.url?.split('?')[0] ?? '';
  const refusal = ambiguousHost(request) ?? foreignName(request.headers, policy);
  if (refusal !== undefined) sendText(response, 403, 'text/plain', refusal);
  else if (path === '/healthz' || path === '/readyz') await answerHealth(path, response, operator);
  else if (path === '/metrics') await answerMetrics(response, operator.metrics);
  else sendText(response, 404, 'text/plain', 'no such path');
};
