// How many values the JSON of a request may have.

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { excessValues, MOST_OBJECTS, MOST_VALUES } from '../../src/server/json-bounds.ts';
import { disposers } from '../support/disposers.ts';
import { costUs, growth } from '../support/growth.ts';
import { AUTHORIZATION, post, serveFakes } from './fixture.ts';

const dispose = disposers();
const VALUES = `expected at most ${MOST_VALUES} elements of lists and fields of objects in one request`;
const OBJECTS = `expected at most ${MOST_OBJECTS} objects in one request`;
/** Megabytes of a request of the largest size. */
const LARGEST = 15_000_000;

const BODIES: readonly (readonly [string, string, string])[] = [
  ['numbers', '1,', VALUES],
  ['lists', '[],', VALUES],
  ['nested lists', '[', VALUES],
  ['objects', '{},', OBJECTS],
  ['nested objects', '{"":', OBJECTS],
  ['strings', '"",', VALUES],
];

describe('excessValues', () => {
  it('counts elements and fields, and what holds them', () => {
    const list = (count: number): string => JSON.stringify(Array.from({ length: count }, () => 1));
    expect(excessValues(list(MOST_VALUES))).toBeUndefined();
    expect(excessValues(list(MOST_VALUES + 1))).toBe(VALUES);
    const objects = (count: number): string => JSON.stringify(Array.from({ length: count }, () => ({})));
    expect(excessValues(objects(MOST_OBJECTS))).toBeUndefined();
    expect(excessValues(objects(MOST_OBJECTS + 1))).toBe(OBJECTS);
  });

  it.each(['[,{', '\\', '\\\\', '"', '\\",', '{"a":1}', '",'])(
    'does not look into strings of %j',
    (piece) => {
      expect(excessValues(JSON.stringify({ a: piece.repeat(MOST_VALUES + 1), b: 1 }))).toBeUndefined();
      const many = Array.from({ length: MOST_VALUES + 1 }, () => piece);
      expect(excessValues(JSON.stringify(many))).toBe(VALUES);
    },
  );

  it.each(['"', '\\', '"\\', '\\"', ' ', '"\\\\'])('takes time in proportion to text of %j', (piece) => {
    expect(growth(100_000, (size) => () => excessValues(piece.repeat(size)))).toBeLessThan(9);
  });
});

describe('a request of too many values', () => {
  it.each(BODIES)('(%s) is refused before they are made', async (_name, piece, message) => {
    const { url } = await serveFakes(dispose);
    const body = `{"query":"{ server { version } }","variables":{"x":[${piece.repeat(LARGEST / piece.length)}`;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: AUTHORIZATION },
      body,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      errors: [{ message: `body: ${message}`, extensions: { code: 'REQUEST_ENTITY_TOO_LARGE' } }],
    });
  });

  it('is refused over WebSocket as well', async () => {
    const fixture = await serveFakes(dispose);
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: AUTHORIZATION } }));
    await once(socket, 'message');
    const x = Array.from({ length: MOST_OBJECTS + 1 }, () => ({}));
    const payload = { query: '{ server { version } }', variables: { x } };
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    const [code, reason] = await once(socket, 'close');
    expect([code, String(reason)]).toEqual([1009, OBJECTS]);
  });

  it('costs the server a small part of what parsing it would', () => {
    const body = `[${'{},'.repeat(LARGEST / 3)}0]`;
    expect(costUs(() => JSON.parse(body)) / costUs(() => excessValues(body))).toBeGreaterThan(20);
  });

  it('is far from what a job may be given', async () => {
    const fixture = await serveFakes(dispose);
    const query = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
    const env = Array.from({ length: 10_000 }, (_, index) => ({ name: `N${index}`, value: '' }));
    for (const given of [{ argv: Array.from({ length: 100_000 }, () => 'a,b') }, { command: 'true', env }]) {
      const response = await post(fixture.url, { query, variables: { input: given } });
      expect(await response.json()).toMatchObject({
        data: { submitJob: { job: { id: expect.anything() } } },
      });
    }
  });
});
