/** Pages of other origins: which may use the API, and with what. */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { AUTHORIZATION, type Fixture, post, serveFakes } from './fixture.ts';

const dispose = disposers();
const APP = 'https://app.example';
const allowedOrigins = [APP, 'http://localhost:3000'];

const cors = ({ headers }: Response): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));

const preflight = ({ url }: Fixture, origin: string): Promise<Response> =>
  fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });

describe('a page of an allowed origin', () => {
  it('may ask with a token, which its browser asks about first', async () => {
    const fixture = await serveFakes(dispose, { allowedOrigins });
    const asked = await preflight(fixture, APP);
    expect({ status: asked.status, ...cors(asked) }).toEqual({
      status: 204,
      vary: 'Origin',
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT',
      'access-control-allow-headers':
        'Authorization, Content-Type, Accept, Content-Range, Range, If-Range, If-None-Match, traceparent, tracestate, x-request-id',
      'access-control-expose-headers':
        'Retry-After, Upload-Offset, Accept-Ranges, Content-Range, Content-Disposition, ETag, x-request-id',
      'access-control-max-age': '600',
    });
    const answer = await post(fixture.url, { query: '{ __typename }' }, { origin: APP });
    expect(await answer.json()).toEqual({ data: { __typename: 'Query' } });
    expect(cors(answer)).toMatchObject({ vary: 'Origin', 'access-control-allow-origin': APP });
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each([
    ['without a token', { query: '{ __typename }' }, { authorization: '' }, 401],
    ['in something else than JSON', { query: '{ __typename }' }, { 'content-type': 'text/plain' }, 415],
    ['a document that is refused', { query: '{ nothing }' }, {}, 200],
  ])('can read why it is refused %s', async (_, body, headers, status) => {
    const fixture = await serveFakes(dispose, { allowedOrigins });
    const answer = await post(fixture.url, body, { origin: APP, ...headers });
    expect(answer.status).toBe(status);
    expect(cors(answer)['access-control-allow-origin']).toBe(APP);
    expect(await answer.text()).toContain('"errors"');
  });

  it('gets no copy of a page that a browser keeps of another origin', async () => {
    const fixture = await serveFakes(dispose, { allowedOrigins });
    const answer = await fetch(fixture.url, { headers: { origin: APP, accept: 'text/html' } });
    expect(cors(answer)).toMatchObject({
      vary: 'Origin, Accept-Encoding',
      'access-control-allow-origin': APP,
    });
    await answer.text();
  });

  it('may open a WebSocket, and has to send a token on it', async () => {
    const proxy = { addresses: ['127.0.0.1'], subjectHeader: 'x-user' };
    const fixture = await serveFakes(dispose, { allowedOrigins, proxy });
    // What a proxy adds to whatever a browser sends would be the caller's own doing only on a page of the server itself.
    const open = async (authorization?: string): Promise<string> => {
      const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws', {
        headers: { origin: APP, 'x-user': 'alice' },
      });
      dispose(() => socket.terminate());
      await once(socket, 'open');
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
      await once(socket, 'message');
      const payload = { query: '{ viewer { subject } }' };
      socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload }));
      return String((await once(socket, 'message'))[0]);
    };
    expect(await open(AUTHORIZATION)).toContain('"admin"');
    expect(await open()).toContain('UNAUTHENTICATED');
    const answer = await post(
      fixture.url,
      { query: '{ viewer { subject } }' },
      {
        origin: APP,
        'x-user': 'alice',
        authorization: '',
      },
    );
    expect(answer.status).toBe(401);
  });
});

describe('a page of another origin', () => {
  it.each([
    `${APP}.evil.example`,
    'http://app.example',
    'https://app.example:444',
    'null',
    'HTTPS://APP.EXAMPLE',
  ])('stays out: %s', async (origin) => {
    const fixture = await serveFakes(dispose, { allowedOrigins });
    for (const answer of [
      await preflight(fixture, origin),
      await post(fixture.url, { query: '{ __typename }' }, { origin }),
    ]) {
      expect(answer.status).toBe(403);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      await answer.text();
    }
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws', { headers: { origin } });
    expect(String((await once(socket, 'error'))[0])).toContain('403');
  });

  it('stays out where none is allowed', async () => {
    const fixture = await serveFakes(dispose);
    expect((await preflight(fixture, APP)).status).toBe(403);
    expect((await post(fixture.url, { query: '{ __typename }' }, { origin: APP })).status).toBe(403);
  });
});
