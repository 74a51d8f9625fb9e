/** What an operator does with a running server and sees of it: quotas, its log. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('--log-level', 'debug', '--log-slow', '1ms');
});

afterAll(() => server.dispose());

const BIN = join(import.meta.dirname, '../../bin/cloister');
const run = promisify(execFile);

const PLANTED = 'planted-6f1d';

describe('a quota', () => {
  it('is set by the command line, and its refusal says over HTTP when to try again', async () => {
    const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token };
    const cloister = async (...args: string[]) => (await run(BIN, args, { env })).stdout;
    expect(await cloister('quota', 'set', 'carol', '--submissions-per-minute', '1')).toContain('1*');
    const secret = (
      await cloister('token', 'create', '--name', 'n', '--subject', 'carol', '--role', 'user')
    ).trim();
    const submit = () =>
      fetch(server.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify({ query: 'mutation { submitJob(input: { command: "true" }) { job { id } } }' }),
      });
    expect((await submit()).headers.get('retry-after')).toBeNull();
    const refused = await submit();
    const { errors } = (await refused.json()) as Answer;
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'QUOTA_EXCEEDED', quota: 'submissionsPerMinute' });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBe(Math.ceil(Number(errors?.[0]?.extensions?.['retryAfterMs']) / 1000));
    // The connections of the two requests are kept open.
    expect(await cloister('quota', 'list')).toMatch(
      /^carol\t\d\/-\t0\/-\t.*\t1\/1\*\t\d+\/-\t0\/-\t0\/\d+\t[12]\/\d+$/m,
    );
    expect(await cloister('quota', 'set', 'carol', '--submissions-per-minute', 'default')).not.toContain('*');
  });
});

describe('the log', () => {
  it('has a line for each refusal, with the id of the request and the subject', async () => {
    const post = (headers: Record<string, string>, body: string) =>
      fetch(server.url, { method: 'POST', headers, body });
    const json = { 'content-type': 'application/json' };
    const own = { authorization: `Bearer ${server.token}` };
    const query = (text: string) => JSON.stringify({ query: text });
    const requests: readonly (readonly [string, Record<string, string>, string])[] = [
      ['UNAUTHENTICATED', json, query('{ __typename }')],
      ['UNSUPPORTED_MEDIA_TYPE', own, query('{ __typename }')],
      ['GRAPHQL_PARSE_FAILED', { ...json, ...own }, query('{')],
      ['GRAPHQL_VALIDATION_FAILED', { ...json, ...own }, query('{ nothing }')],
      [
        'BAD_USER_INPUT',
        { ...json, ...own },
        query('mutation { submitJob(input: { command: "" }) { job { id } } }'),
      ],
      ['NOT_FOUND', { ...json, ...own }, query('subscription { jobUpdated(jobId: "none") { id } }')],
      ['BAD_REQUEST', { ...json, ...own }, '{'],
    ];
    for (const [code, headers, body] of requests) {
      const id = `of-${code}`;
      const accept = body.includes('subscription') ? { accept: 'text/event-stream' } : {};
      const response = await post({ ...headers, ...accept, 'x-request-id': id }, body);
      await response.text();
      expect(response.headers.get('x-request-id')).toBe(id);
      const known = 'authorization' in headers && code !== 'UNSUPPORTED_MEDIA_TYPE';
      // The answer may arrive before the server's standard error.
      await expect
        .poll(() => server.log.filter(({ requestId, msg }) => requestId === id && msg.includes('refused')))
        .toMatchObject([{ level: 'info', code, ...(known && { subject: 'admin' }) }]);
    }
  });

  it('replaces the id of a request that is not safe to log', async () => {
    const response = await fetch(server.url, { method: 'POST', headers: { 'x-request-id': 'a b"' } });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('has a line for a launch failure, and one for what was slow', async () => {
    const job = await server.run({ argv: ['/no/such/program'] });
    expect(job.status).toBe('FAILED');
    await expect
      .poll(() => server.log.filter(({ jobId }) => jobId === job.id))
      .toMatchObject([
        { level: 'info', subject: 'admin', msg: expect.stringContaining('no such file or directory') },
      ]);
    await server.query('{ __schema { types { name fields { name type { name } } } } }');
    const slow = {
      level: 'warn',
      msg: 'an operation was slow',
      operation: 'query',
      field: '__schema',
      durationMs: expect.any(Number),
    };
    await expect.poll(() => server.log).toContainEqual(expect.objectContaining(slow));
  });

  it('has a line for what was recovered', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    await server.end('SIGKILL');
    await server.boot();
    await expect
      .poll(() => server.log.map(({ msg }) => msg))
      .toContain('recovered the jobs of an earlier server: 1 have supervisors, 0 wait, 0 have ended');
    await server.stop(id, 0);
  });

  it('is JSON in every line, and contains none of the secrets of the test', async () => {
    const secret = (name: string): string => `${PLANTED}-${name}`;
    await server.run({
      command: `cat; echo ${secret('command')}`,
      stdin: secret('stdin'),
      env: [{ name: 'KEY', value: secret('env') }],
    });
    // Wrong in every place where a message quotes its input.
    for (const input of [
      { command: 'true', env: [{ name: `${secret('name')}=`, value: secret('value') }] },
      { command: 'true', image: secret('image') },
      { command: 'true', user: secret('user') },
      { argv: [`/${secret('argv')}`, secret('argument')] },
      { command: 'true', limits: { memory: secret('memory') } },
    ]) {
      const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
      const { data } = await server.ask(document, { input });
      const { submitJob } = (data ?? {}) as { submitJob?: { job: { id: string } } };
      if (submitJob !== undefined) await server.ended(submitJob.job.id);
    }
    await server.ask(`{ ${secret('document').replaceAll('-', '_')} }`);
    for (const authorization of [`Bearer clo_${secret('bearer')}`, `Basic ${secret('basic')}`])
      await fetch(server.url, { method: 'POST', headers: { authorization } });
    const last = { 'x-request-id': 'the-last' };
    await fetch(new URL(`/${secret('path')}?token=${secret('query')}`, server.url), { headers: last });
    await expect.poll(() => server.log.at(-1)).toMatchObject({ requestId: 'the-last' });
    expect(server.errors.trimEnd().split('\n').length).toBe(server.log.length);
    expect(server.errors).not.toContain(PLANTED);
    expect(server.errors).not.toContain(PLANTED.replaceAll('-', '_'));
    expect(server.errors).not.toContain(readFileSync(`${server.stateDir}/token`, 'utf8').trim());
  });
});
