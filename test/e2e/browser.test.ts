/** The page of docs/browser.md, in a real browser and from another origin. */

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { freePort } from '../support/free-port.ts';
import { launchChromium, visit } from '../support/graphiql.ts';
import { TestServer } from '../support/server.ts';

let browser: Browser;
let site: Server;
let server: TestServer;
let app: string;

/** The page, and the packages that it imports, as a plain file server serves them. */
const servePage = async (): Promise<Server> => {
  const html = codeBlocks(readDocument('docs/browser.md')).find(({ note }) => note === 'page')?.text ?? '';
  const http = createServer(({ url = '' }, response) => {
    if (url === '/') {
      response.setHeader('Content-Type', 'text/html').end(html);
      return;
    }
    if (url === '/favicon.ico') {
      response.writeHead(204).end();
      return;
    }
    // The package of Cloister is this project.
    const file = join(PROJECT, url.replace(/^\/node_modules\/cloister\//, '/'));
    try {
      const text = readFileSync(file);
      response.setHeader('Content-Type', 'text/javascript').end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  return http;
};

beforeAll(async () => {
  site = await servePage();
  app = `http://localhost:${(site.address() as AddressInfo).port}`;
  // The server restarts on the same port.
  const listen = `127.0.0.1:${await freePort()}`;
  [server, browser] = await Promise.all([
    TestServer.start('--listen', listen, '--allow-origin', app, '--allow-origin', 'https://other.example'),
    launchChromium(),
  ]);
});

afterAll(async () => {
  await browser?.close();
  site?.close();
  await server?.dispose();
});

const follow = async (page: Page, jobId: string, token = server.token): Promise<void> => {
  await page.locator('[name=url]').fill(server.url);
  await page.locator('[name=token]').fill(token);
  await page.locator('[name=jobId]').fill(jobId);
  await page.getByRole('button', { name: 'Follow' }).click();
};

const shown = (page: Page, what: 'pre' | 'output') => expect.poll(() => page.locator(what).textContent());

describe('a page of another origin', () => {
  it('follows a log to its end while the server is killed and comes back', async () => {
    const id = await server.submit({
      command: "echo one; trap 'echo two; exit 3' USR1; while :; do sleep 0.1; done",
    });
    const { page, problems } = await visit(browser, app);
    await follow(page, id);
    await shown(page, 'pre').toBe('one\n');
    await server.end('SIGKILL');
    await server.boot();
    await server.signal(id, 'SIGUSR1');
    await shown(page, 'output').toBe('COMPLETED, exit code 3');
    await shown(page, 'pre').toBe('one\ntwo\n');
    // The only errors are about the server that was down.
    expect(problems.filter((text) => !/net::ERR_/.test(text))).toEqual([]);
    await page.context().close();
  });

  it('uploads a file in parts, and downloads an artifact in parts', async () => {
    const { page, problems } = await visit(browser, app);
    const { url, token } = server;
    const seen = await page.evaluate(
      async ({ url, token, size, cut }) => {
        const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'app=1' };
        const authorization = `Bearer ${token}`;
        const ask = async (
          query: string,
          variables: object,
        ): Promise<Record<string, Record<string, unknown>>> => {
          const headers = { ...trace, authorization, 'content-type': 'application/json' };
          const response = await fetch(url, {
            method: 'POST',
            headers,
            body: JSON.stringify({ query, variables }),
          });
          return ((await response.json()) as { data: Record<string, Record<string, unknown>> }).data;
        };
        const content = new Uint8Array(size).map((_, index) => index % 251);
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
        const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
        const { createUpload } = await ask(
          'mutation ($input: CreateUploadInput!) { createUpload(input: $input) { file url } }',
          { input: { size, sha256 } },
        );
        const link = String(createUpload?.['url']);
        const put = async (from: number, to: number) => {
          const response = await fetch(link, {
            method: 'PUT',
            headers: { ...trace, 'content-range': `bytes ${from}-${to - 1}/${size}` },
            body: content.subarray(from, to),
          });
          return [response.status, response.headers.get('upload-offset')];
        };
        const uploads = [await put(0, cut), await put(1, cut)];
        const head = await fetch(link, { method: 'HEAD', headers: trace });
        uploads.push([head.status, head.headers.get('upload-offset')], await put(cut, size));
        const { runJob } = await ask(
          'mutation ($input: SubmitJobInput!) { runJob(input: $input) { job { id artifacts { url } } } }',
          {
            input: {
              command: 'cp /in/data /tmp/data',
              files: [{ path: '/in/data', file: createUpload?.['file'] }],
              artifacts: [{ path: '/tmp/data' }],
            },
          },
        );
        const job = runJob?.['job'] as { id: string; artifacts: { url: string }[] };
        const byLink = job.artifacts[0]?.url ?? '';
        const get = async (headers: Record<string, string>) => {
          const response = await fetch(byLink.split('?')[0] ?? '', {
            headers: { ...trace, ...headers, authorization },
            cache: 'no-store',
          });
          const body = new Uint8Array(await response.arrayBuffer());
          const range = response.headers.get('content-range');
          const isRight = body.every((byte, index) => byte === content[size - body.length + index]);
          return { status: response.status, bytes: body.length, isRight, range };
        };
        const whole = await fetch(byLink);
        const tag = String(whole.headers.get('etag'));
        return {
          uploads,
          tag: tag === `"${sha256}"`,
          name: whole.headers.get('content-disposition'),
          requestId: whole.headers.get('x-request-id') !== null,
          whole: (await whole.arrayBuffer()).byteLength,
          // The form of a range for which browsers send a preflight.
          end: await get({ range: `bytes=-${cut}` }),
          rest: await get({ range: `bytes=${cut}-`, 'if-range': tag }),
          known: await get({ 'if-none-match': tag }),
          beyond: await get({ range: `bytes=${size}-` }),
        };
      },
      { url, token, size: 100_000, cut: 40_000 },
    );
    expect(seen).toEqual({
      uploads: [
        [202, '40000'],
        [416, '40000'],
        [404, '40000'],
        [201, null],
      ],
      tag: true,
      name: expect.stringContaining('filename="data"'),
      requestId: true,
      whole: 100_000,
      end: { status: 206, bytes: 40_000, isRight: true, range: 'bytes 60000-99999/100000' },
      rest: { status: 206, bytes: 60_000, isRight: true, range: 'bytes 40000-99999/100000' },
      known: { status: 304, bytes: 0, isRight: true, range: null },
      beyond: { status: 416, bytes: 0, isRight: true, range: 'bytes */100000' },
    });
    // The browser's own messages about the expected refusals.
    expect(problems.filter((text) => !/status of (404|416)/.test(text))).toEqual([]);
    await page.context().close();
  });

  it('says what is wrong with its token', async () => {
    const { page } = await visit(browser, app);
    await follow(page, 'any', 'clo_wrong');
    await shown(page, 'output').toMatch(/authorization: expected "Bearer <token>"/);
    await page.context().close();
  });

  it('is refused if its origin is not allowed', async () => {
    const { page, problems } = await visit(browser, app.replace('localhost', '127.0.0.1'));
    await follow(page, 'any');
    await shown(page, 'output').toMatch(/cannot reach the server/);
    expect(problems.join()).toMatch(/blocked by CORS policy/);
    await page.context().close();
  });
});
