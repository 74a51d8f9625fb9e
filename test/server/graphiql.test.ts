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
    expect(html).not.toMatch(/(?:src|href)="(?!\/graphiql\/|data:)/);
  });

  it('loads its assets from this server, and browsers may cache them', async () => {
    const fixture = await serveFakes(dispose);
    const html = await (await getPage(fixture)).text();
    const assets = html.match(/\/graphiql\/[0-9a-f]+\/[a-z-]+\.(?:js|css)/g) ?? [];
    expect(assets).toHaveLength(4);
    for (const path of assets) {
      const response = await fetch(`${fixture.origin}${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/(javascript|css); charset=utf-8$/);
      expect(response.headers.get('cache-control')).toContain('immutable');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('content-length')));
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

  it('signs in by the link, submits a job, follows its log, and lists it', { timeout: 120_000 }, async () => {
    const fixture = await serveFakes(dispose);
    const { page, requests, problems } = await open(fixture, `/graphql#token=${TOKEN}`);
    const tabs = page.getByRole('tab', { name: /SubmitJob|FollowLogs|ListJobs/ });
    // Each name is followed by that of its icon.
    const names = ['SubmitJob', 'FollowLogs', 'ListJobs'].map((name) => expect.stringMatching(`^${name}`));
    await expect.poll(() => tabs.allTextContents(), { timeout: 30_000 }).toEqual(names);
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
    await untilResult(page, '<b>and</b> more');
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
    await page.getByText('The server prints a link that signs in when it starts.').waitFor();
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The server does not know this token.').waitFor();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    await page.reload();
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    expect(fixture.jobs.askedBy.size).toBe(0);
  });
});
