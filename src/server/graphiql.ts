/** Serves the pages, GraphiQL and that of a shared job, and what they load, compressed. */

import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants as zlib } from 'node:zlib';

/** A file as the page loads it. */
interface Asset {
  readonly body: Buffer;
  readonly type: string;
  /** Compressed forms, each made when it is first asked for and kept: 2.8 MB in all. */
  readonly compressed: Map<Encoding, Promise<Buffer>>;
}

type Encoding = 'br' | 'gzip';

const asset = (body: string | Buffer, type: string): Asset => ({
  body: Buffer.from(body),
  type: `${type}; charset=utf-8`,
  compressed: new Map(),
});

interface Site {
  readonly page: Asset;
  /** For a path one folder deeper. */
  readonly sharePage: Asset;
  /** By path, relative to that of the page. */
  readonly assets: ReadonlyMap<string, Asset>;
}

const HERE = import.meta.dirname;
const JAVASCRIPT = 'text/javascript';

/** Everything that the page loads comes from this server, so that it works without internet access. */
const load = async (): Promise<Site> => {
  const { css, editorWorkerService, graphqlWorker, js, jsonWorker } = await import(
    '@graphql-yoga/render-graphiql/graphiql'
  );
  const files = new Map([
    ['graphiql.js', asset(withHistory(js), JAVASCRIPT)],
    ['graphiql.css', asset(css, 'text/css')],
    ['editor-worker.js', asset(editorWorkerService, JAVASCRIPT)],
    ['json-worker.js', asset(jsonWorker, JAVASCRIPT)],
    ['graphql-worker.js', asset(graphqlWorker, JAVASCRIPT)],
    ['share.css', asset(readFileSync(join(HERE, 'page', 'share.css')), 'text/css')],
    ['page.css', asset(readFileSync(join(HERE, 'page', 'page.css')), 'text/css')],
    ...scripts(join(HERE, 'page'), ''),
    // The page is built on the module that is offered to others.
    ...scripts(join(HERE, '..', 'client-api'), 'client/'),
  ]);
  // Changes whenever a file changes, so that browsers may cache the files.
  const hash = createHash('sha256');
  for (const { body } of files.values()) hash.update(body);
  const prefix = `graphiql/${hash.digest('hex').slice(0, 12)}/`;
  const html = (name: string, assets: string): Asset =>
    asset(readFileSync(join(HERE, 'page', name), 'utf8').replaceAll('{assets}', assets), 'text/html');
  return {
    page: html('page.html', prefix),
    sharePage: html('share.html', `../${prefix}`),
    assets: new Map([...files].map(([name, file]) => [prefix + name, file])),
  };
};

const scripts = (folder: string, prefix: string): (readonly [string, Asset])[] =>
  globSync('*.js', { cwd: folder })
    .toSorted()
    .map((path) => [prefix + basename(path), asset(readFileSync(join(folder, path)), JAVASCRIPT)] as const);

/**
 * Adds the history of GraphiQL, which the bundle contains and does not show. The bundle does not export its plugin.
 *
 * @throws Error when the bundle is not the one that this was made for
 */
const withHistory = (bundle: string): string => {
  const plugin = /[;,{ ]([\w$]+)=\{title:"History",icon:/.exec(bundle)?.[1];
  const changed = bundle.replace(/(shouldPersistHeaders:!0,plugins:\[)/, `$1${plugin},`);
  if (plugin === undefined || changed === bundle) throw new Error('this version of GraphiQL has no history');
  return changed;
};

let site: Promise<Site> | undefined;

/** Most servers never show the page: it is loaded when it is first asked for. */
const theSite = (): Promise<Site> => {
  site ??= load();
  return site;
};

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
  isRead(method) && (headers.accept ?? '').toLowerCase().includes('text/html');

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD';

/** Answers with the page of the console. */
export const sendPage = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  await send(request, response, (await theSite()).page, 'no-cache');
};

/** Whether a path is that of a shared job. */
export const isSharePath = (path: string): boolean => /^\/share\/[0-9a-f-]{36}$/.test(path);

/** Answers with the page of a shared job. It is the same for all: the link names the job. */
export const sendSharePage = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  await send(request, response, (await theSite()).sharePage, 'no-cache');
};

/** Whether a path may be one of an asset. */
export const isAssetPath = (path: string): boolean => /^\/graphiql\/[0-9a-f]{12}\//.test(path);

/** @returns false when there is no such asset */
export const sendAsset = async (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> => {
  const found = isRead(request.method) ? (await theSite()).assets.get(path.slice(1)) : undefined;
  if (found === undefined) return false;
  await send(request, response, found, 'public, max-age=31536000, immutable');
  return true;
};

const send = async (
  request: IncomingMessage,
  response: ServerResponse,
  asset: Asset,
  cache: string,
): Promise<void> => {
  const encoding = encodingFor(request.headers['accept-encoding']);
  const body = encoding === undefined ? asset.body : await compressed(asset, encoding);
  response.appendHeader('Vary', 'Accept-Encoding');
  response.writeHead(200, {
    'Content-Type': asset.type,
    'Content-Length': body.length,
    ...(encoding !== undefined && { 'Content-Encoding': encoding }),
    'Cache-Control': cache,
    'Content-Security-Policy': POLICY,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
};

/** The best encoding that the client accepts (RFC 9110, section 12.5.3). */
const encodingFor = (accepted = ''): Encoding | undefined => {
  const taken = accepted
    .toLowerCase()
    .split(',')
    .filter((item) => !/;\s*q=0(\.0*)?\s*$/.test(item))
    .map((item) => item.split(';')[0]?.trim());
  return (['br', 'gzip'] as const).find((encoding) => taken.includes(encoding));
};

const compressed = ({ body, compressed }: Asset, encoding: Encoding): Promise<Buffer> => {
  const made = compressed.get(encoding) ?? compress[encoding](body);
  compressed.set(encoding, made);
  return made;
};

const compress: Readonly<Record<Encoding, (body: Buffer) => Promise<Buffer>>> = {
  // Higher levels take seconds for 5 MB, and save only a tenth.
  br: (body) =>
    promisify(brotliCompress)(body, {
      params: { [zlib.BROTLI_PARAM_QUALITY]: 6, [zlib.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  gzip: promisify(gzip),
};
