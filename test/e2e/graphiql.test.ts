/** GraphiQL in a real browser. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  execute,
  executeUntil,
  foreign,
  launchChromium,
  openTab,
  result,
  setVariables,
  untilResult,
  visit,
} from '../support/graphiql.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  server = await TestServer.start();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server.dispose();
});

describe('GraphiQL', () => {
  it('submits a job, follows its log and lists it, and loads nothing from other origins', async () => {
    const { page, requests, problems } = await visit(browser, `${server.url}#token=${server.token}`);
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    expect(new URL(page.url()).hash).toBe('');

    await execute(page);
    await untilResult(page, '"status"');
    const id = /"id": "([0-9a-f-]{36})"/.exec(await result(page))?.[1] ?? '';
    expect(id).not.toBe('');

    await openTab(page, 'FollowLogs');
    await setVariables(page, { jobId: id });
    await executeUntil(page, 'total');
    await expect
      .poll(() => page.getByRole('log', { name: 'Messages' }).textContent())
      .toMatch(/^total \S+\s*\n[\s\S]* usr\n[\s\S]*end of the log\n$/);

    await openTab(page, 'ListJobs');
    await executeUntil(page, id);

    expect(foreign(requests, new URL(server.url).origin)).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
  });
});
