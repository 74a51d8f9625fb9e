/** GraphiQL in a browser. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import {
  execute,
  executeUntil,
  foreign,
  launchChromium,
  openTab,
  setVariables,
  untilResult,
  type Visit,
  visit,
} from '../support/graphiql.ts';
import { page as logPage } from './fake-jobs.ts';
import { type Fixture, serveFakes, TOKEN } from './fixture.ts';

const dispose = disposers();

const getPage = ({ url }: Fixture): Promise<Response> => fetch(url, { headers: { accept: 'text/html,*/*' } });

describe('the page at /graphql', () => {
  it('is served to browsers without a token, and loads nothing from elsewhere', async () => {
    const fixture = await serveFakes(dispose);
    const response = await getPage(fixture);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).toContain("frame-ancestors 'none'");
    const html = await response.text();
    expect(html).not.toContain(TOKEN);
    // No script in the page itself, and no address but this server's own.
    expect(html).not.toMatch(/<script(?![^>]* src=)/);
    expect(html).not.toMatch(/(?:src|href)="(?!graphiql\/|data:)/);
  });

  it('loads its assets from this server, and browsers may cache them', async () => {
    const fixture = await serveFakes(dispose);
    const html = await (await getPage(fixture)).text();
    const assets = html.match(/graphiql\/[0-9a-f]+\/[a-z-]+\.(?:js|css)/g) ?? [];
    expect(assets).toHaveLength(5);
    for (const path of assets) {
      const response = await fetch(`${fixture.origin}/${path}`, {
        headers: { 'accept-encoding': 'identity' },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/(javascript|css); charset=utf-8$/);
      expect(response.headers.get('cache-control')).toContain('immutable');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('content-length')));
    }
  });

  it('compresses what it sends to those who take that', async () => {
    const fixture = await serveFakes(dispose);
    const html = await (await getPage(fixture)).text();
    const path = /graphiql\/[0-9a-f]+\/graphiql\.js/.exec(html)?.[0];
    const get = async (
      accepted: string,
    ): Promise<{ encoding: string | null; bytes: number; body: string }> => {
      const response = await fetch(`${fixture.origin}/${path}`, { headers: { 'accept-encoding': accepted } });
      expect(response.headers.get('vary')).toBe('Accept-Encoding');
      return {
        encoding: response.headers.get('content-encoding'),
        bytes: Number(response.headers.get('content-length')),
        body: await response.text(),
      };
    };
    const plain = await get('br;q=0, gzip;q=0');
    expect(plain.encoding).toBeNull();
    expect(plain.bytes).toBeGreaterThan(5_000_000);
    for (const [accepted, encoding, most] of [
      ['gzip, deflate, br, zstd', 'br', 1_300_000],
      ['gzip, deflate', 'gzip', 1_600_000],
    ] as const) {
      const small = await get(accepted);
      expect(small.encoding).toBe(encoding);
      expect(small.bytes).toBeLessThan(most);
      expect(small.body).toBe(plain.body);
    }
  });

  it('is not served to a GraphQL client', async () => {
    const { url } = await serveFakes(dispose);
    expect((await fetch(url, { headers: { accept: 'application/json' } })).status).toBe(401);
  });
});

describe('GraphiQL in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser.close());

  const open = async (fixture: Fixture, path: string): Promise<Visit> => {
    const visited = await visit(browser, `${fixture.origin}${path}`);
    dispose(() => visited.page.context().close());
    return visited;
  };

  it('signs in by the link, submits a job, follows its log, and lists it', async () => {
    const fixture = await serveFakes(dispose);
    const { page, requests, problems } = await open(fixture, `/graphql#token=${TOKEN}`);
    const tabs = page.getByRole('tab', { name: /SubmitJob|FollowLogs|ListJobs/ });
    // Each name is followed by that of its icon.
    const names = ['SubmitJob', 'FollowLogs', 'ListJobs'].map((name) => expect.stringMatching(`^${name}`));
    await expect.poll(() => tabs.allTextContents()).toEqual(names);
    expect(page.url()).toBe(`${fixture.origin}/graphql`);

    await execute(page);
    await untilResult(page, '"QUEUED"');
    expect(fixture.jobs.submitted).toEqual([{ command: 'ls -lah /' }]);
    const id = [...fixture.jobs.jobs.keys()][0] ?? '';

    await openTab(page, 'FollowLogs');
    await setVariables(page, { jobId: id });
    fixture.jobs.write(id, logPage(1, 'hello from the cell\n'));
    await executeUntil(page, 'hello from the cell');
    fixture.jobs.write(id, logPage(2, '<b>and</b> more\n', true));
    const messages = page.getByRole('log', { name: 'Messages' });
    await expect
      .poll(() => messages.textContent())
      .toBe('hello from the cell\n<b>and</b> more\nend of the log\n');
    await expect.poll(() => fixture.jobs.live.size).toBe(0);

    await openTab(page, 'ListJobs');
    await executeUntil(page, id);

    expect(foreign(requests, fixture.origin)).toEqual([]);
    expect(requests.join()).not.toContain(TOKEN);
    expect(problems).toEqual([]);
  });

  it('asks for the token when it is missing or wrong, and keeps a valid one', async () => {
    const fixture = await serveFakes(dispose);
    const { page } = await open(fixture, '/');
    await page.getByText('This server runs Linux commands for its clients').waitFor();
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The server does not know this token.').waitFor();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    await page.reload();
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    await page.getByRole('button', { name: 'Show History' }).waitFor();

    const second = await page.context().newPage();
    await second.goto(fixture.url);
    await second.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    expect(await page.context().storageState()).toMatchObject({ cookies: [], origins: expect.anything() });
    expect(JSON.stringify(await page.context().storageState())).not.toContain(TOKEN);
    await second.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    await second.getByLabel('Token').waitFor();
    expect(fixture.jobs.askedBy.size).toBe(0);
  });
});
