import { execFileSync } from 'node:child_process';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let browser: Browser;

/** The system's Chromium, or the one that was brought where the system has none that starts. */
const executablePath = (): string => {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  } catch {
    return chromium.executablePath();
  }
};

beforeAll(async () => {
  server = await TestServer.start();
  browser = await chromium.launch({
    executablePath: executablePath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await server.dispose();
});

/** A page, and what it asked of others and complained of. */
const open = async (address: string): Promise<{ page: Page; foreign: string[]; complaints: string[] }> => {
  const page = await browser.newPage();
  const foreign: string[] = [];
  const complaints: string[] = [];
  const { origin } = new URL(server.url);
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url()))
      foreign.push(request.url());
  });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(address);
  return { page, foreign, complaints };
};

const tab = (page: Page, name: string) => page.locator('button.graphiql-tab-button', { hasText: name });
/** By the keyboard: to a mouse a tab is also something to drag, which a robot's click may begin. */
const choose = (page: Page, name: string): Promise<void> => tab(page, name).press('Enter');
const execute = (page: Page): Promise<void> => page.getByRole('button', { name: /^Execute query/ }).click();

/** The text of an editor; it shows only what is in view, with its own kind of space. */
const shown = async (page: Page, editor: string): Promise<string> =>
  (await page.locator(`${editor} .view-lines`).first().innerText()).replaceAll('\u00a0', ' ');

describe('GraphiQL', () => {
  it('submits a job, follows its log and lists it, with nothing from elsewhere', {
    timeout: 120_000,
  }, async () => {
    const { page, foreign, complaints } = await open(`${server.url}#token=${server.token}`);
    await tab(page, 'SubmitJob').waitFor();
    expect(new URL(page.url()).hash).toBe('');

    await execute(page);
    await expect.poll(() => shown(page, '.result-window'), { timeout: 20_000 }).toContain('"status"');
    const id = /"id": "([0-9a-f-]{36})"/.exec(await shown(page, '.result-window'))?.[1] ?? '';
    expect(id).not.toBe('');

    await choose(page, 'FollowLogs');
    await expect.poll(() => shown(page, '.graphiql-editor-tool')).toContain('"jobId": ""');
    await page.locator('.graphiql-editor-tool .view-lines').first().click();
    // Between the quotes of the second line.
    for (const key of ['ControlOrMeta+Home', 'ArrowDown', 'End', 'ArrowLeft']) await page.keyboard.press(key);
    await page.keyboard.insertText(id);
    await execute(page);
    await expect.poll(() => shown(page, '.result-window'), { timeout: 20_000 }).toContain('total');

    await choose(page, 'ListJobs');
    await execute(page);
    await expect.poll(() => shown(page, '.result-window'), { timeout: 20_000 }).toContain(id);

    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('asks for the token when the address brings none', async () => {
    const { page } = await open(server.url);
    await page.getByLabel('Token').fill(server.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await tab(page, 'SubmitJob').waitFor();
    await page.close();
  });
});
