/** GraphiQL in a real browser. */

import { execFileSync } from 'node:child_process';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** The system's Chromium, or the one that was brought where the system has none that starts. */
const executablePath = (): string => {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  } catch {
    return chromium.executablePath();
  }
};

/** A headless Chromium that asks nothing of the internet by itself. */
export const launchChromium = (flags: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath: executablePath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...flags,
    ],
  });

/** The requests and errors of a page. */
export interface Visit {
  readonly page: Page;
  /** Every address that was asked for. */
  readonly requests: string[];
  /** Exceptions and lines that the console shows as errors. */
  readonly problems: string[];
}

/** Opens `address` in a context of its own, which the caller closes with `page.context().close()`. */
export const visit = async (
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(address);
  return { page, requests, problems };
};

/** Those of `requests` that went to another server than that of `origin`. */
export const foreign = (requests: readonly string[], origin: string): string[] =>
  requests.filter((url) => !url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url));

/**
 * Opens a tab of GraphiQL, by the keyboard: to a mouse a tab is also something to drag, which a
 * robot's click may begin.
 */
export const openTab = (page: Page, name: string): Promise<void> =>
  page.locator('button.graphiql-tab-button', { hasText: name }).press('Enter');

/** Replaces the variables of the tab that is open. */
export const setVariables = async (page: Page, variables: object): Promise<void> => {
  await page.getByLabel('Variables').locator('.view-lines').first().click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(JSON.stringify(variables));
};

const executeButton = (page: Page) => page.getByRole('button', { name: /^Execute query/ });

/** Presses Execute, once. */
export const execute = (page: Page): Promise<void> => executeButton(page).click();

/** What the window of results shows; the editor sets no ordinary spaces. */
export const result = async (page: Page): Promise<string> =>
  ((await page.locator('.result-window').textContent()) ?? '').replaceAll('\u00a0', ' ');

/** Waits until the window of results shows `text`. */
export const untilResult = (page: Page, text: string): Promise<void> =>
  expect.poll(() => result(page)).toContain(text);

/**
 * Presses Execute until the window of results shows `text`: GraphiQL reads the operations of a tab
 * a moment after the tab was opened, and nothing on the page shows when.
 */
export const executeUntil = (page: Page, text: string): Promise<void> =>
  expect
    .poll(
      async () => {
        const button = executeButton(page);
        if (!(await result(page)).includes(text) && (await button.isVisible())) await button.click();
        return result(page);
      },
      { interval: 500 },
    )
    .toContain(text);
