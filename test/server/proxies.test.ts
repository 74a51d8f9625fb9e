/** Callers that a trusted proxy names, and everybody else who tries to be named. */

import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type OutgoingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { type Answer, AUTHORIZATION, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();
const proxy = { addresses: ['127.0.0.1', '10.0.0.0/8', '::1'], subjectHeader: 'x-forwarded-user' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-proxy-'));
  dispose(() => rmSync(folder, { recursive: true }));
});

const ask = async (
  { url }: Pick<Fixture, 'url'>,
  headers: OutgoingHttpHeaders,
  options: { readonly localAddress?: string; readonly socketPath?: string } = {},
): Promise<Answer & { readonly status: number }> => {
  const sent = request(url, {
    method: 'POST',
    agent: false,
    ...options,
    headers: { 'content-type': 'application/json', ...headers },
  }).end(Buffer.from(JSON.stringify({ query: '{ viewer { subject role method } }' })));
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, ...JSON.parse(text) };
};

const named = (subject: string, role = 'USER') => ({
  status: 200,
  data: { viewer: { subject, role, method: 'PROXY' } },
});

describe('a trusted proxy', () => {
  it.each([
    ['alice@example.com', 'alice@example.com'],
    [Buffer.from('Zoë').toString('latin1'), 'Zoë'],
  ])('names the caller %j', async (header, subject) => {
    const fixture = await serveFakes(dispose, { proxy });
    expect(await ask(fixture, { 'X-Forwarded-User': header })).toEqual(named(subject));
  });

  it('takes precedence over a token, and without its header the token counts', async () => {
    const fixture = await serveFakes(dispose, { proxy });
    const both = { 'X-Forwarded-User': 'alice', authorization: AUTHORIZATION };
    expect(await ask(fixture, both)).toEqual(named('alice'));
    const admin = { data: { viewer: { subject: 'admin', method: 'TOKEN' } } };
    expect(await ask(fixture, { authorization: AUTHORIZATION })).toMatchObject(admin);
    expect(await ask(fixture, { ...both, 'X-Forwarded-User': '' })).toMatchObject(admin);
    expect((await ask(fixture, {})).status).toBe(401);
  });

  it.each([
    [['alice', 'root'], /^x-forwarded-user: expected one, got 2$/],
    [' al\u0001ice', /expected a subject of 1 to 128 printable characters/],
    ['x'.repeat(129), /expected a subject of 1 to 128 printable characters/],
  ])('does not name %j', async (value, why) => {
    const fixture = await serveFakes(dispose, { proxy });
    const sent = ask(fixture, { 'X-Forwarded-User': value });
    if (typeof value === 'string' && value.includes('\u0001')) return expect(sent).rejects.toThrow();
    const { status, errors } = await sent;
    expect(status).toBe(401);
    expect(errors?.[0]?.message).toMatch(why);
  });

  it('gives the role of the file of roles', async () => {
    const rolesPath = join(folder, 'roles.toml');
    writeFileSync(rolesPath, '"*" = "viewer"\nroot = "admin"\n');
    const fixture = await serveFakes(dispose, { proxy, rolesPath });
    expect(await ask(fixture, { 'x-forwarded-user': 'root' })).toEqual(named('root', 'ADMIN'));
    expect(await ask(fixture, { 'x-forwarded-user': 'bob' })).toEqual(named('bob', 'VIEWER'));
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws', {
      headers: { 'x-forwarded-user': 'root' },
    });
    dispose(() => socket.terminate());
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init' }));
    await once(socket, 'message');
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: '{ viewer { subject } }' } }));
    expect(String((await once(socket, 'message'))[0])).toContain('"root"');
    const closed = once(socket, 'close');
    writeFileSync(join(folder, 'next'), 'bob = "user"\n');
    renameSync(join(folder, 'next'), rolesPath);
    expect(String((await closed)[1])).toBe('its role was changed');
    expect((await ask(fixture, { 'x-forwarded-user': 'root' })).errors?.[0]?.message).toBe(
      'x-forwarded-user: root has no role in the file of --roles',
    );
    expect(await ask(fixture, { 'x-forwarded-user': 'bob' })).toEqual(named('bob'));
  });
});

describe('the header from anywhere else', () => {
  it('is refused, whatever token is sent with it', async () => {
    const fixture = await serveFakes(dispose, { proxy });
    const headers = { 'X-Forwarded-User': 'root', authorization: AUTHORIZATION };
    const { status, errors } = await ask(fixture, headers, { localAddress: '127.0.0.2' });
    expect({ status, message: errors?.[0]?.message }).toEqual({
      status: 401,
      message: 'x-forwarded-user: expected it from an address of --trust-proxy only, got it from 127.0.0.2',
    });
    const { authorization } = headers;
    expect((await ask(fixture, { authorization }, { localAddress: '127.0.0.2' })).status).toBe(200);
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws', {
      headers,
      localAddress: '127.0.0.2',
    });
    expect(String((await once(socket, 'error'))[0])).toContain('401');
  });

  it('is refused on the Unix socket', async () => {
    const socketPath = join(folder, 'socket');
    const fixture = await serveFakes(dispose, { proxy, socketPath });
    const { errors } = await ask(fixture, { 'X-Forwarded-User': 'root', host: 'localhost' }, { socketPath });
    expect(errors?.[0]?.message).toMatch(/got it from the Unix socket$/);
  });

  it('has no meaning without the setting', async () => {
    const fixture = await serveFakes(dispose);
    expect((await ask(fixture, { 'X-Forwarded-User': 'root' })).status).toBe(401);
    expect(await ask(fixture, { 'X-Forwarded-User': 'root', authorization: AUTHORIZATION })).toMatchObject({
      data: { viewer: { subject: 'admin', method: 'TOKEN' } },
    });
  });
});
