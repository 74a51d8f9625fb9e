/** Traces of a server, sent by the SDK that the documents show to a receiver of OTLP/HTTP. */

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { IMAGES, testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

const SETUP = join(import.meta.dirname, '../../docs/monitoring/tracing.js');
/** Nothing of a client but where its request belongs. */
const PLANTED = 'planted-83c1';

/** A span in the JSON of OTLP. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

let server: TestServer;
let receiver: Server;
const received: Export[] = [];

const spans = (): readonly Span[] =>
  received.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
const of = (traceId: string, name: string): readonly Span[] =>
  spans().filter((span) => span.traceId === traceId && span.name === name);

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    if (request.url === '/v1/traces') received.push(JSON.parse(text) as Export);
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  await testImage();
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-tracing-'));
  mkdirSync(join(stateDir, 'exits'));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  const { port } = receiver.address() as AddressInfo;
  const settings = [
    `NODE_OPTIONS=--import=${SETUP}`,
    `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${port}`,
    'OTEL_BSP_SCHEDULE_DELAY=100',
  ];
  server = new TestServer(stateDir, ['--max-running', '1'], (command) => ['env', ...settings, ...command]);
  await server.boot();
});

afterAll(async () => {
  await server.dispose();
  await new Promise((resolve) => receiver.close(resolve));
});

const traceOf = (digit: string): { readonly traceId: string; readonly traceparent: string } => {
  const traceId = digit.repeat(32);
  return { traceId, traceparent: `00-${traceId}-${digit.repeat(16)}-01` };
};

const post = (query: string, headers: Record<string, string>) =>
  fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}`, ...headers },
    body: JSON.stringify({ query }),
  });

it('has the life of a job below the request that submitted it', async () => {
  const { traceId, traceparent } = traceOf('a');
  const input = `command: "echo ${PLANTED}; exit 3", name: "${PLANTED}", retries: { limit: 1, backoff: "10ms" }`;
  await post(`mutation { runJob(input: { ${input} }) { job { id } } }`, { traceparent });
  await expect.poll(() => of(traceId, 'job').length).toBe(2);
  const [request] = of(traceId, 'mutation runJob');
  const [commit] = of(traceId, 'commit');
  expect(request).toMatchObject({ parentSpanId: 'a'.repeat(16), kind: 2 });
  expect(commit?.parentSpanId).toBe(request?.spanId);
  for (const job of of(traceId, 'job')) {
    expect(job).toMatchObject({ parentSpanId: request?.spanId, status: { code: 0 } });
    expect(job.attributes).toContainEqual({
      key: 'cloister.job.status',
      value: { stringValue: 'COMPLETED' },
    });
    for (const name of ['queue', 'launch', 'run']) {
      const inner = of(traceId, name).filter(({ parentSpanId }) => parentSpanId === job.spanId);
      expect(inner, name).toHaveLength(1);
      const [begin, end] = [inner[0]?.startTimeUnixNano ?? 0, inner[0]?.endTimeUnixNano ?? 0];
      expect(BigInt(begin)).toBeLessThanOrEqual(BigInt(end));
      // Milliseconds are what jobs are stored with.
      expect(BigInt(begin)).toBeGreaterThanOrEqual(BigInt(job.startTimeUnixNano) - 2_000_000n);
    }
  }
  expect(JSON.stringify(received[0]?.resourceSpans[0]?.resource)).toContain('"cloister"');
  expect(JSON.stringify(received)).not.toContain(PLANTED);
});

it('says which operations failed, over WebSocket too', async () => {
  const http = traceOf('b');
  await post('{ job(id: "none") { id } }', { traceparent: http.traceparent });
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  await once(socket, 'open');
  const payload = { authorization: `Bearer ${server.token}` };
  socket.send(JSON.stringify({ type: 'connection_init', payload }));
  await once(socket, 'message');
  const own = traceOf('c');
  const query = 'subscription { jobUpdated(jobId: "none") { id } }';
  const extensions = { traceparent: own.traceparent };
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query, extensions } }));
  await once(socket, 'message');
  socket.terminate();
  const failed = ({ traceId }: { traceId: string }, name: string) =>
    expect
      .poll(() => of(traceId, name).map(({ status, attributes }) => [status.code, attributes]))
      .toEqual([
        [2, expect.arrayContaining([{ key: 'cloister.code', value: { stringValue: 'NOT_FOUND' } }])],
      ]);
  await failed(http, 'query job');
  await failed(own, 'subscription jobUpdated');
});

it('includes everything until the server ended', async () => {
  const { traceId, traceparent } = traceOf('d');
  await post('{ viewer { subject } }', { traceparent });
  await server.end('SIGTERM');
  expect(of(traceId, 'query viewer')).toHaveLength(1);
});
