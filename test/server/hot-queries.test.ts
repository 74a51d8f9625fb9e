/** Queries that are executed by a plan: each as the executor answers it. */

import { normalizedExecutor } from '@graphql-tools/executor';
import { type ExecutionArgs, parse } from 'graphql';
import { createSchema } from 'graphql-yoga';
import { describe, expect, it } from 'vitest';
import { HotQueries } from '../../src/server/hot-queries.ts';

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));

const schema = createSchema({
  typeDefs: `
    scalar Even
    enum Colour { RED GREEN }
    interface Named { name: String! }
    input Range { from: Int = 1, to: Int! }
    type Item implements Named {
      name: String!  slow: String  number: Int  colour: Colour  even: Even  parent: Item  failing: String  missing: String!
      echo(text: String = "standard", range: Range, list: [Int!]): String  lazy: String  where: String  children: [Item!]!
      absent: [Item]  strings: [[String]]  later: [Item]  path: String!
    }
    type Query {
      item(id: ID): Item  items(first: Int = 3): [Item!]!  named: Named  holes: [Item]  broken: [Item!]  same: Query!
    }
    type Mutation { item: Item }`,
  resolvers: {
    Query: {
      item: (_root: unknown, { id }: { id?: string }) =>
        later(id === 'none' ? null : { name: id ?? 'one', number: 1 }),
      items: (_root: unknown, { first }: { first: number }) =>
        Array.from({ length: first }, (_, index) => ({
          name: `item ${index}`,
          number: index,
          colour: 'RED',
        })),
      named: () => ({ name: 'x', __typename: 'Item' }),
      holes: () => [{ name: 'a' }, null, later({ name: 'b' }), later(null)],
      broken: () => [{ name: 'a' }, null],
      same: () => ({}),
    },
    Item: {
      slow: ({ name }: { name: string }) => later(`slow ${name}`),
      even: () => 2,
      parent: ({ name }: { name: string }) =>
        name.startsWith('of ') ? null : later({ name: `of ${name}`, colour: 'GREEN' }),
      failing: () => {
        throw new Error('it fails');
      },
      missing: () => later(null),
      echo: (_item: unknown, args: object) => JSON.stringify(args),
      where: (_item: unknown, _args: unknown, context: { place: string }) => context.place,
      children: () => [later({ name: 'child' }), { name: 'other' }],
      absent: () => undefined,
      strings: () => [['a', null], null, []],
      later: () => later([{ name: 'c' }, later({ name: 'd' })]),
      path: (_item: unknown, _args: unknown, _context: unknown, { path }: { path: { key: string } }) =>
        path.key,
    },
    Even: { serialize: (value: number) => value * 2 },
  },
});

const args = (
  query: string,
  variableValues?: Record<string, unknown>,
  operationName?: string,
): ExecutionArgs => ({
  schema,
  document: parse(query),
  contextValue: { place: 'here' },
  variableValues,
  operationName,
});

/** What the second execution of a document gives, and whether it was by a plan. */
const second = async (given: ExecutionArgs): Promise<{ result: unknown; isPlanned: boolean }> => {
  const hot = new HotQueries();
  let others = 0;
  const execute = (each: ExecutionArgs): unknown => {
    others += 1;
    return normalizedExecutor(each);
  };
  await hot.execute(given, execute);
  const result = await hot.execute(given, execute);
  return { result, isPlanned: others === 1 };
};

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const PLANNED: [query: string, variables?: Record<string, unknown>][] = [
  ['{ items { name number colour even } }'],
  ['{ items(first: 0) { name } }'],
  [
    '{ a: item { name slow } b: item(id: "two") { __typename n: name where } none: item(id: "none") { name } }',
  ],
  ['{ items { parent { name parent { name } colour } children { slow name children { name } } } }'],
  ['{ holes { name } item { absent { name } strings later { name slow } } __typename }'],
  [
    '{ item { ...A ... on Named { name } ... on Item { colour } } } fragment A on Item { name number ...B } fragment B on Item { even }',
  ],
  ['{ item { parent { name } parent { colour } ...A } } fragment A on Item { parent { number } }'],
  ['query ($id: ID!) { item(id: $id) { name } }', { id: 'v' }],
  ['query ($id: ID!) { item(id: $id) { name } }', { id: 7 }],
  ['query ($id: ID = "standard") { item(id: $id) { name } }'],
  ['query ($id: ID = "standard") { item(id: $id) { name } }', { id: null }],
  ['query ($constructor: ID) { item(id: $constructor) { name } }'],
  [
    'query ($text: String, $n: Int = 2) { items { echo(text: $text, list: [1, $n], range: { to: $n }) } }',
    { text: 'x' },
  ],
  ['query ($r: Range, $l: [Int!]) { item { echo(range: $r, list: $l) } }', { r: { to: 3 }, l: 4 }],
  ['{ item { a: echo b: echo(text: null) c: echo(range: { to: 2 }) } }'],
  ['{ same { same { items(first: 1) { name } } } }'],
];

const OTHERS: [query: string, variables?: Record<string, unknown>][] = [
  ['{ items { name failing } }'],
  ['{ items { name missing } }'],
  ['{ item { slow missing } }'],
  ['{ broken { name } }'],
  ['{ named { name } }'],
  ['{ item { path } }'],
  ['{ __proto__: item { name } }'],
  ['{ __schema { queryType { name } } }'],
  ['query ($no: Boolean!) { item { name @skip(if: $no) } }', { no: true }],
  ['query ($id: ID!) { item(id: $id) { name } }'],
  ['query ($id: ID!) { item(id: $id) { name } }', { id: {} }],
  ['query ($r: Range) { item { echo(range: $r) } }', { r: {} }],
  ['mutation { item { name } }'],
];

describe('a query', () => {
  it.each(PLANNED)('%s is answered by its plan', async (query, variables) => {
    const given = args(query, variables);
    const { result, isPlanned } = await second(given);
    expect(isPlanned).toBe(true);
    // With the order of the fields.
    expect(JSON.stringify(result)).toBe(JSON.stringify(await normalizedExecutor(given)));
  });

  it.each(OTHERS)('%s is answered like any other query', async (query, variables) => {
    const given = args(query, variables);
    const { result, isPlanned } = await second(given);
    expect(isPlanned).toBe(false);
    expect(plain(result)).toEqual(plain(await normalizedExecutor(given)));
  });

  it('has a plan for each of its operations', async () => {
    const document = parse('query A { item { name } } query B { items(first: 1) { number } }');
    const hot = new HotQueries();
    const run = (operationName: string): unknown =>
      hot.execute({ schema, document, operationName }, (given) => normalizedExecutor(given));
    await run('A');
    expect(await run('A')).toEqual({ data: { item: { name: 'one' } } });
    expect(run('B')).toEqual({ data: { items: [{ number: 0 }] } });
    expect(await run('A')).toEqual({ data: { item: { name: 'one' } } });
  });

  it('without promises is answered at once', async () => {
    const hot = new HotQueries();
    const given = args('{ items { name } }');
    await hot.execute(given, (each) => normalizedExecutor(each));
    expect(hot.execute(given, () => 'another way')).toEqual({
      data: { items: [{ name: 'item 0' }, { name: 'item 1' }, { name: 'item 2' }] },
    });
  });
});
