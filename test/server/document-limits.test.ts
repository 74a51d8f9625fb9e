/** Limits on the depth and size of GraphQL documents. */

import { getIntrospectionQuery } from 'graphql';
import { describe, expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { type Answer, Refused, serveFakes, TRANSPORTS, type Transport } from './fixture.ts';

const deep = (levels: number): string =>
  `${'{ __type(name: "Query") '.concat('{ ofType '.repeat(levels - 2))} { name } ${'} '.repeat(levels - 1)}`;
const repeat = (count: number, part: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');
/** Each fragment spreads the next one twice: 2^levels spreads in a document of a few hundred tokens. */
const doubling = (levels: number): string =>
  `{ ...f0 } ${repeat(levels, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)} fragment f${levels} on Query`;

const TOO_LARGE = 'DOCUMENT_TOO_LARGE';

const refused: readonly (readonly [name: string, document: string, message: string, code: string])[] = [
  ['tokens', `{ ${'__typename '.repeat(2000)} }`, '2000', 'GRAPHQL_PARSE_FAILED'],
  ['levels', `{ server { version } ${deep(13).slice(1)}`, 'at most 12 levels of fields', TOO_LARGE],
  ['aliases', `{ server { ${repeat(31, (i) => `v${i}: version`)} } }`, 'at most 30 aliases', TOO_LARGE],
  ['root fields', `{ ${repeat(21, () => 'server { version }')} }`, 'at most 20 root fields', TOO_LARGE],
  ['fields', `{ server { ${repeat(501, () => 'version')} } }`, 'at most 500 fields', TOO_LARGE],
  [
    'fields in fragments',
    `{ server { ${repeat(26, () => '...s')} } } fragment s on Server { ${repeat(20, () => 'version')} }`,
    'at most 500 fields',
    TOO_LARGE,
  ],
  [
    'aliases in fragments',
    `{ server { ${repeat(31, () => '...s')} } } fragment s on Server { v: version }`,
    'at most 30 aliases',
    TOO_LARGE,
  ],
  [
    'root fields in fragments',
    `{ ${repeat(21, () => '...q')} } fragment q on Query { server { version } }`,
    'at most 20 root fields',
    TOO_LARGE,
  ],
  ['levels of introspection', deep(25), 'at most 24 levels of fields', TOO_LARGE],
];

describe.each(TRANSPORTS)('over $name', (transport: Transport) => {
  const dispose = disposers();

  const errors = async (document: string): Promise<NonNullable<Answer['errors']>> => {
    const answers: Answer[] = [];
    const fixture = await serveFakes(dispose);
    try {
      await transport.subscribe(fixture, document, {}, (answer) => answers.push(answer)).done;
    } catch (error) {
      if (error instanceof Refused) return error.errors ?? [];
      throw error;
    }
    return answers.flatMap((answer) => answer.errors ?? []);
  };

  it.each(refused)('a document with too many %s is refused', async (_name, document, message, code) => {
    const found = await errors(document);
    expect(found.map(({ extensions }) => extensions?.['code'])).toContain(code);
    expect(found.map((error) => error.message).join()).toContain(message);
  });

  it.each([
    ['a field', '{ __typename }'],
    ['nothing but themselves', '{ ...f40 }'],
  ])('fragments that double with %s are refused quickly', async (_name, end) => {
    // The server runs in this process.
    const start = process.cpuUsage();
    const found = await errors(`${doubling(40)} ${end}`);
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(2_000_000);
    expect(found.map(({ extensions }) => extensions?.['code'])).toContain(TOO_LARGE);
  });

  it('the introspection query of tools is answered', async () => {
    const query = getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true });
    expect(await errors(query)).toEqual([]);
  });

  it('documents exactly at the limits are answered', async () => {
    expect(await errors(`{ server { ${repeat(30, (i) => `v${i}: version`)} } }`)).toEqual([]);
    expect(await errors(`{ ${repeat(20, () => 'server { version }')} }`)).toEqual([]);
  });
});
