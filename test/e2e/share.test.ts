/** Links to a job: as the command line makes them, in a real browser. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../docs/documents.ts';
import { foreign, launchChromium, visit } from '../support/graphiql.ts';
import { TestServer } from '../support/server.ts';

const run = promisify(execFile);
let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([TestServer.start('--base-path', '/cloister'), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await server.dispose();
});

const cloister = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token };
  return (await run(join(PROJECT, 'bin/cloister'), args, { env })).stdout.trim();
};

const asked = async (secret: string, query: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, text: await response.text() };
};

describe('a link to a job', () => {
  it('shows it and follows its log, until the link is revoked', async () => {
    const id = await server.submit({
      name: 'nightly',
      command: "echo one; echo two >&2; trap 'echo three' USR1; while :; do sleep 0.1; done",
      env: [{ name: 'PASSWORD', value: 'xyzzy' }],
    });
    await server.running(id);
    const link = await cloister('share', '--expires', '1h', 'nightly');
    expect(link).toMatch(new RegExp(`^${server.url.replace('graphql', 'share')}/${id}#clo_[\\w-]{43}$`));
    const secret = new URL(link).hash.slice(1);

    const { page, requests, problems } = await visit(browser, link);
    const shown = (selector: string) => expect.poll(() => page.locator(selector).textContent());
    await shown('#name').toBe('nightly');
    await shown('#status').toBe('RUNNING');
    await shown('#log').toBe('one\ntwo\n');
    await server.signal(id, 'USR1');
    await shown('#log').toBe('one\ntwo\nthree\n');
    expect(foreign(requests, new URL(server.url).origin)).toEqual([]);
    expect(requests.join()).not.toContain(secret);

    expect((await asked(secret, '{ viewer { method role } jobs { totalCount } }')).text).toBe(
      '{"data":{"viewer":{"method":"SHARE","role":"VIEWER"},"jobs":{"totalCount":0}}}',
    );
    const spied = await asked(secret, `{ job(id: "${id}") { command env { value } } }`);
    expect(spied.text).not.toContain('xyzzy');
    expect(
      (await asked(secret, `mutation { stopJob(input: { jobId: "${id}" }) { job { id } } }`)).text,
    ).toContain('FORBIDDEN');

    // It survives a restart of the server, as the page does.
    const [listed] = JSON.parse(await cloister('share', '--list', '--json', 'nightly'));
    expect(listed).toMatchObject({ createdBy: 'admin', revokedAt: null });
    expect(problems).toEqual([]);
    expect(await cloister('unshare', listed.id)).toBe(listed.id);
    await shown('#problem').toMatch(/^This link is not valid/);
    expect((await asked(secret, '{ __typename }')).status).toBe(401);
    expect(await cloister('share', '--list', 'nightly')).toMatch(/\trevoked$/);
    await page.context().close();
    await server.stop(id, 0);
  });

  it('is kept across a restart, and removed with its job', async () => {
    const id = await server.submit({ command: 'echo done' });
    await server.ended(id);
    const link = await cloister('share', id);
    await server.end();
    await server.boot();
    const secret = new URL(link).hash.slice(1);
    expect((await asked(secret, `{ job(id: "${id}") { status } }`)).text).toContain('COMPLETED');
    const { page, problems } = await visit(
      browser,
      `${server.url.replace('graphql', 'share')}/${id}#${secret}`,
    );
    await expect.poll(() => page.locator('#status').textContent()).toBe('COMPLETED, exit code 0');
    await expect.poll(() => page.locator('#log').textContent()).toBe('done\n');
    expect(problems).toEqual([]);
    await server.query('mutation ($id: ID!) { deleteJob(input: { jobId: $id }) { job { id } } }', { id });
    // The link is gone with it, and not only what it shows.
    expect((await asked(secret, '{ viewer { method } }')).status).toBe(401);
    await page.reload();
    await expect.poll(() => page.locator('#problem').textContent()).toMatch(/^This link is not valid/);
    await page.context().close();
  });

  it.each(['30s', '366d', '-1h'])('is not made for %s', async (expiresIn) => {
    const id = await server.submit({ command: 'true' });
    const { errors } = await server.ask(
      'mutation ($input: ShareJobInput!) { shareJob(input: $input) { url } }',
      { input: { jobId: id, expiresIn } },
    );
    expect(errors?.[0]?.message).toMatch(/^input\.expiresIn: expected a duration/);
  });
});
