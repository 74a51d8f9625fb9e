/** Wrong tokens, of every shape and in numbers, and the right one among them. */

import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { WrongTokens } from '../../src/server/wrong-tokens.ts';
import { disposers } from '../support/disposers.ts';
import { AUTHORIZATION, type Fixture, serveFakes, TOKEN } from './fixture.ts';

const dispose = disposers();
/** Connections that one address may have without a token, by default: docs/limits.md. */
const PER_NETWORK = 500;

describe('the count of wrong tokens', () => {
  it('is of an address, and of ten seconds', () => {
    let now = 0;
    const wrong = new WrongTokens(() => now);
    const delays = (address: string | undefined, count: number) =>
      Array.from({ length: count }, () => wrong.delayMs(address));
    expect(delays('10.0.0.1', 12)).toEqual([...Array.from({ length: 10 }, () => 0), 1000, 1000]);
    expect(delays('10.0.0.2', 1)).toEqual([0]);
    // All of a /64 are one, and a socket that listens on IPv6 shows IPv4 like this.
    expect(delays('2001:db8::1', 5).concat(delays('2001:db8:0:0:1::2', 6)).at(-1)).toBe(1000);
    expect(delays('2001:db8:0:1::1', 1)).toEqual([0]);
    expect(delays('::ffff:10.0.0.3', 11).at(-1)).toBe(1000);
    expect(delays('::ffff:10.0.0.4', 1)).toEqual([0]);
    expect(delays(undefined, 100).at(-1)).toBe(0);
    now = 10_000;
    expect(delays('10.0.0.1', 1)).toEqual([0]);
  });

  it('does not grow with the addresses', () => {
    const wrong = new WrongTokens(() => 0);
    for (let index = 0; index < 10_000; index++) wrong.delayMs(`10.${index >> 8}.${index & 255}.1`);
    const others = Array.from({ length: 11 }, (_, index) => wrong.delayMs(`11.0.0.${index}`));
    expect(others.at(-1)).toBe(1000);
  });
});

const ask = async ({ url }: Fixture, authorization: string): Promise<{ status: number; ms: number }> => {
  const start = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: '{"query":"{ __typename }"}',
  });
  await response.text();
  return { status: response.status, ms: performance.now() - start };
};

describe('a thousand wrong tokens', () => {
  it('are answered slowly, and the right one among them at once', async () => {
    const fixture = await serveFakes(dispose);
    const wrong = Array.from({ length: 1000 }, async (_, index) => {
      try {
        return (await ask(fixture, `Bearer clo_${index}`)).status;
      } catch (error) {
        // More connections without a token than one address may have: the oldest connections are closed.
        expect((error as Error).cause).toMatchObject({
          code: expect.stringMatching(/UND_ERR_SOCKET|ECONNRESET/),
        });
        return 'closed';
      }
    });
    await Promise.race(wrong);
    // A busy machine may take as long for one as wrong tokens wait, but not for each.
    const right = async (): Promise<number> => {
      const { status, ms } = await ask(fixture, AUTHORIZATION);
      expect(status).toBe(200);
      return ms;
    };
    await expect.poll(right).toBeLessThan(1000);
    const outcomes = await Promise.all(wrong);
    expect(outcomes.filter((outcome) => outcome === 401).length).toBeGreaterThanOrEqual(PER_NETWORK - 1);
    expect(outcomes.filter((outcome) => outcome !== 401 && outcome !== 'closed')).toEqual([]);
    await expect.poll(() => fixture.rights.size).toBe(0);
  });

  it('over WebSocket are answered slowly too', async () => {
    const fixture = await serveFakes(dispose);
    const greet = (authorization: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const start = performance.now();
        const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
        dispose(() => socket.terminate());
        socket.on('open', () =>
          socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })),
        );
        socket.on('message', () => resolve(performance.now() - start));
        socket.on('error', reject);
      });
    const wrong = await Promise.all(Array.from({ length: 30 }, () => greet('Bearer clo_wrong')));
    // The first ten are not held back, but a busy machine may take as long for them.
    expect(wrong.filter((ms) => ms >= 1000).length).toBeGreaterThanOrEqual(20);
    await expect.poll(() => greet(AUTHORIZATION)).toBeLessThan(1000);
  });

  it('are answered slowly on every path, and the right one at once', async () => {
    const metrics = { contentType: 'text/plain', text: async () => 'metrics' };
    const fixture = await serveFakes(dispose, { operator: { ready: async () => ({}), metrics } });
    const request = async (method: string, path: string, authorization: string) => {
      const start = performance.now();
      const response = await fetch(`${fixture.origin}${path}`, { method, headers: { authorization } });
      await response.text();
      return { path, status: response.status, isSlow: performance.now() - start >= 1000 };
    };
    const paths = [
      ['GET', '/graphql?query={__typename}'],
      ['GET', '/metrics'],
      ['PUT', '/files'],
      ['PUT', '/images/name'],
      ['GET', '/jobs/01900000-0000-7000-8000-000000000000/artifacts/name'],
    ] as const;
    for (let count = 0; count < 10; count++) await request('GET', '/graphql', 'Bearer clo_wrong');
    expect(
      await Promise.all(paths.map(([method, path]) => request(method, path, 'Bearer clo_wrong'))),
    ).toEqual(paths.map(([, path]) => ({ path, status: 401, isSlow: true })));
    expect((await request('GET', '/metrics', AUTHORIZATION)).status).toBe(200);
  });
});

describe('a token of a wrong shape', () => {
  const LONG = 'x'.repeat(8000);
  it.each([
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN},${TOKEN}`,
    `Bearer ${TOKEN}\t`,
    `Bearer "${TOKEN}"`,
    `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}`,
    `Token ${TOKEN}`,
    TOKEN,
    'Bearer null',
    'Bearer undefined',
    'Bearer __proto__',
    'Bearer clo_',
    `Bearer clo_${'A'.repeat(43)}`,
    `Bearer ${TOKEN}\u00e9`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${LONG}`,
    `Bearer ${'.'.repeat(3000)} ${'.'.repeat(3000)}`,
    `Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.`,
  ])('is refused: %j', async (authorization) => {
    const fixture = await serveFakes(dispose);
    const { hostname, port } = new URL(fixture.url);
    // Written by hand: clients refuse to send some of them.
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        received += chunk;
      });
      socket.on('end', () => resolve(received)).on('error', reject);
      socket.write(
        Buffer.from(
          `GET /graphql?query={__typename} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`,
          'latin1',
        ),
      );
    });
    const trailing = authorization !== authorization.trimEnd() && authorization.trimEnd() === AUTHORIZATION;
    // White space around a field is no part of it (RFC 9110, section 5.5).
    if (trailing) expect(text).toMatch(/^HTTP\/1\.1 200 /);
    else {
      expect(text).toMatch(/^HTTP\/1\.1 401 /);
      expect(text).toContain('UNAUTHENTICATED');
      expect(text).not.toContain(TOKEN);
    }
  });

  it.each([null, 0, true, [], {}, ['Bearer x'], { authorization: 'x' }, LONG.slice(0, 3000)])(
    'is refused over WebSocket: %j',
    async (authorization) => {
      const fixture = await serveFakes(dispose);
      const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
      dispose(() => socket.terminate());
      const answer = await new Promise<string>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('open', () =>
          socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })),
        );
        socket.on('message', (data) => {
          const text = String(data);
          if (text.includes('connection_ack'))
            socket.send('{"type":"subscribe","id":"1","payload":{"query":"{ server { version } }"}}');
          else resolve(text);
        });
      });
      expect(answer).toContain('UNAUTHENTICATED');
    },
  );
});
