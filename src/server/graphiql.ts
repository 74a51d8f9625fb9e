/** Serves the GraphiQL page and its assets. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  css,
  editorWorkerService,
  favicon,
  graphqlWorker,
  js,
  jsonWorker,
} from '@graphql-yoga/render-graphiql/graphiql';
import { PAGE_SCRIPT, PAGE_STYLE } from './graphiql-page.ts';

const WORKERS: Readonly<Record<string, string>> = {
  'editor-worker.js': editorWorkerService,
  'json-worker.js': jsonWorker,
  'graphql-worker.js': graphqlWorker,
};

interface Asset {
  readonly body: Buffer;
  readonly type: string;
}

const asset = (text: string, type: string): Asset => ({
  body: Buffer.from(text),
  type: `${type}; charset=utf-8`,
});

/** Everything that the page loads. It comes from this server, so the page works without internet access. */
const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ['graphiql.js', asset(js, 'text/javascript')],
  ['graphiql.css', asset(css, 'text/css')],
  ['page.js', asset(PAGE_SCRIPT, 'text/javascript')],
  ['page.css', asset(PAGE_STYLE, 'text/css')],
  ...Object.entries(WORKERS).map(([name, text]) => [name, asset(text, 'text/javascript')] as const),
]);

/** Changes with every change of an asset, so that browsers may cache them. */
const REVISION = ((): string => {
  const hash = createHash('sha256');
  for (const { body } of ASSETS.values()) hash.update(body);
  return hash.digest('hex').slice(0, 12);
})();

const PREFIX = `/graphiql/${REVISION}/`;

const PAGE = Buffer.from(`<!doctype html>
<html lang="en" data-assets="${PREFIX}">
<head>
<meta charset="utf-8">
<title>Cloister</title>
<link rel="icon" href="${favicon}">
<link rel="stylesheet" href="${PREFIX}graphiql.css">
<link rel="stylesheet" href="${PREFIX}page.css">
</head>
<body id="body" class="no-focus-outline">
<noscript>GraphiQL needs JavaScript.</noscript>
<form id="sign-in" hidden>
<h1>Cloister</h1>
<label for="token">Token</label>
<input id="token" type="password" autocomplete="off" required>
<button>Sign in</button>
<p id="problem" role="alert"></p>
<p>The server prints a link that signs in when it starts. The token is also in the file <code>token</code> of its
state folder.</p>
</form>
<div id="root"></div>
<script src="${PREFIX}graphiql.js"></script>
<script src="${PREFIX}page.js"></script>
</body>
</html>
`);

// The editor sets inline styles, and its workers come from this server. Nothing is loaded from anywhere else.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Whether a request to /graphql is from a browser that wants the page. */
export const wantsPage = ({ method, headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') && (headers.accept ?? '').toLowerCase().includes('text/html');

export const sendPage = (request: IncomingMessage, response: ServerResponse): void => {
  send(request, response, { body: PAGE, type: 'text/html; charset=utf-8' }, 'no-cache');
};

/** @returns false when there is no such asset */
export const sendAsset = (path: string, request: IncomingMessage, response: ServerResponse): boolean => {
  const found = path.startsWith(PREFIX) ? ASSETS.get(path.slice(PREFIX.length)) : undefined;
  if (found === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
  send(request, response, found, 'public, max-age=31536000, immutable');
  return true;
};

const send = (
  request: IncomingMessage,
  response: ServerResponse,
  { body, type }: Asset,
  cache: string,
): void => {
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Cache-Control': cache,
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
};
