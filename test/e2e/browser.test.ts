/** The page of docs/browser.md, in a real browser and from another origin. */

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { launchChromium, visit } from '../support/graphiql.ts';
import { TestServer } from '../support/server.ts';

let browser: Browser;
let site: Server;
let server: TestServer;
let app: string;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });

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
  // It comes back on the same port.
  const listen = `127.0.0.1:${await freePort()}`;
  [server, browser] = await Promise.all([
    TestServer.start('--listen', listen, '--allow-origin', app, '--allow-origin', 'https://other.example'),
    launchChromium(),
  ]);
}, 120_000);

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

const shown = (page: Page, what: 'pre' | 'output') =>
  expect.poll(() => page.locator(what).textContent(), { timeout: 30_000 });

describe('a page of another origin', () => {
  it('follows a log to its end while the server is killed and comes back', { timeout: 120_000 }, async () => {
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
    // The only trouble is that of the server that was away.
    expect(problems.filter((text) => !/net::ERR_/.test(text))).toEqual([]);
    await page.context().close();
  });

  it('says what is wrong with its token', async () => {
    const { page } = await visit(browser, app);
    await follow(page, 'any', 'clo_wrong');
    await shown(page, 'output').toMatch(/authorization: expected "Bearer <token>"/);
    await page.context().close();
  });

  it('stays out where its origin is not allowed', async () => {
    const { page, problems } = await visit(browser, app.replace('localhost', '127.0.0.1'));
    await follow(page, 'any');
    await shown(page, 'output').toMatch(/cannot reach the server/);
    expect(problems.join()).toMatch(/blocked by CORS policy/);
    await page.context().close();
  });
});
