/** Subscriptions whose events are executed by a plan: each as the executor answers it. */

import { normalizedExecutor } from '@graphql-tools/executor';
import { type ExecutionArgs, type ExecutionResult, type GraphQLSchema, isObjectType, parse } from 'graphql';
import { createSchema, isAsyncIterable } from 'graphql-yoga';
import { expect, it } from 'vitest';
import { SHARED } from '../../src/resolvers/builder.ts';
import { textOf } from '../../src/server/event-text.ts';
import { HotSubscriptions } from '../../src/server/hot-subscriptions.ts';

interface Page {
  readonly text: string;
  readonly fails?: boolean;
}

const pages: readonly Page[] = [
  { text: 'one\n"two"\\' },
  { text: 'é\u2028\ud800 \u0000'.repeat(1000) },
  { text: '' },
];
/** How often the text of a page was resolved. */
let resolved = 0;

const schema: GraphQLSchema = createSchema({
  typeDefs: `
    type Page { text: String!  slow: String  number(of: Int = 1): Int  failing: String  missing: String! }
    type Query { ok: Boolean }
    type Subscription {
      pages(last: Int!): Page!  broken: Page  refused: Page  thrown: Page  none: Page  failing: Page  other: Page
    }`,
  resolvers: {
    Page: {
      text: ({ text }: Page) => {
        resolved += 1;
        return text;
      },
      slow: async ({ text }: Page) => text.slice(0, 3),
      number: (_page: Page, { of }: { of: number }) => of,
      failing: ({ text }: Page) => {
        if (text.startsWith('é')) throw new Error('it fails');
        return 'well';
      },
      missing: () => null,
    },
    Subscription: {
      pages: {
        async *subscribe(_root: unknown, { last }: { last: number }) {
          yield* pages.slice(-last);
        },
        resolve: (page: Page) => page,
      },
      broken: {
        async *subscribe() {
          yield pages[0];
          throw new Error('no more');
        },
        resolve: (page: Page) => page,
      },
      refused: { subscribe: async () => Promise.reject(new Error('refused')) },
      thrown: {
        subscribe: () => {
          throw new Error('thrown');
        },
      },
      none: { subscribe: () => new Error('none') },
      failing: {
        async *subscribe() {
          yield pages[0];
        },
        resolve: () => {
          throw new Error('unresolved');
        },
      },
      other: {
        async *subscribe() {
          yield { other: pages[0] };
        },
      },
    },
  },
});

const args = (query: string, variableValues: Record<string, unknown> = {}, takesTexts = false) => ({
  schema,
  document: parse(query),
  contextValue: takesTexts ? { takesTexts } : {},
  variableValues,
});

/** Results with what a client sees of them, and the error that ended them, if any. */
const collect = async (made: unknown): Promise<unknown[]> => {
  const result = await made;
  if (!isAsyncIterable(result)) return [seen(result)];
  const all: unknown[] = [];
  try {
    for await (const each of result) all.push(seen(each));
  } catch (error) {
    all.push('ends with', seen(error));
  }
  return all;
};

const seen = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const subscribe = (given: ExecutionArgs, hot = new HotSubscriptions()) => {
  let others = 0;
  const made = hot.subscribe(given, (each) => {
    others += 1;
    return normalizedExecutor(each);
  });
  return { made, isPlanned: others === 0 };
};

it.each([
  ['subscription { pages(last: 3) { text number } }'],
  [
    'subscription ($n: Int!) { all: pages(last: $n) { a: slow ...F __typename } } fragment F on Page { number(of: $n) }',
    { n: 2 },
  ],
  ['subscription { pages(last: 3) { text failing } }'],
  ['subscription { pages(last: 1) { missing } }'],
  ['subscription { broken { text } }'],
  ['subscription { refused { text } }'],
  ['subscription { thrown { text } }'],
  ['subscription { none { text } }'],
  ['subscription { failing { text } }'],
  ['subscription { other { text slow } }'],
])('%s is answered by its plan', async (query, variables?: Record<string, unknown>) => {
  const given = args(query, variables);
  const { made, isPlanned } = subscribe(given);
  expect(isPlanned).toBe(true);
  expect(await collect(made)).toEqual(await collect(normalizedExecutor(given)));
});

it.each([
  ['subscription ($n: Int!) { pages(last: $n) { text } }', {}],
  ['subscription ($n: Int!) { pages(last: $n) { text } }', { n: 'x' }],
  ['subscription ($no: Boolean!) { pages(last: 1) { text @skip(if: $no) } }', { no: true }],
])('%s with %j is left to the executor', async (query, variables) => {
  const given = args(query, variables);
  const { made, isPlanned } = subscribe(given);
  expect(isPlanned).toBe(false);
  expect(await collect(made)).toEqual(await collect(normalizedExecutor(given)));
});

/** Has the type of pages say that all receive the same. */
const share = (isShared: boolean): void => {
  const type = schema.getType('Page');
  if (isObjectType(type)) Object.assign(type.extensions, { [SHARED]: isShared });
};

it('is executed once for all who receive the same, as a text', async () => {
  const hot = new HotSubscriptions();
  const given = args('subscription { pages(last: 3) { text number } }', {}, true);
  const expected = await collect(normalizedExecutor(given));
  share(true);
  resolved = 0;
  for (let subscriber = 0; subscriber < 3; subscriber++) {
    const results = (await subscribe(given, hot).made) as AsyncIterable<ExecutionResult>;
    const texts: unknown[] = [];
    for await (const result of results) {
      texts.push(JSON.parse(textOf(result)?.text ?? 'null'));
      expect(result.data).toEqual((texts.at(-1) as ExecutionResult).data);
    }
    expect(texts).toEqual(expected);
  }
  expect(resolved).toBe(pages.length);
});

it('is executed for each of those whose variables are arguments within it', async () => {
  const hot = new HotSubscriptions();
  const given = args('subscription ($n: Int!) { pages(last: $n) { text number(of: $n) } }', { n: 1 }, true);
  const again = { ...given, variableValues: { n: 2 } };
  const expected = [await collect(normalizedExecutor(given)), await collect(normalizedExecutor(again))];
  share(true);
  expect([await collect(subscribe(given, hot).made), await collect(subscribe(again, hot).made)]).toEqual(
    expected,
  );
});

it('is no text where it depends on who asks, where nobody takes texts, or with errors', async () => {
  const query = 'subscription { pages(last: 2) { text failing } }';
  const first = async (given: ExecutionArgs) => {
    const results = (await subscribe(given).made) as AsyncIterableIterator<ExecutionResult>;
    return (await results.next()).value as ExecutionResult;
  };
  share(false);
  expect(textOf(await first(args('subscription { pages(last: 1) { text } }', {}, true)))).toBeUndefined();
  share(true);
  expect(textOf(await first(args('subscription { pages(last: 1) { text } }')))).toBeUndefined();
  const failed = await first(args(query, {}, true));
  expect(textOf(failed)).toBeUndefined();
  expect(failed.errors).toHaveLength(1);
});

it('ends its source when it is ended, and after an error gives nothing more', async () => {
  const { made } = subscribe(args('subscription { broken { text } }'));
  const results = (await made) as AsyncIterableIterator<ExecutionResult>;
  await results.next();
  await expect(results.next()).rejects.toThrow('no more');
  expect(await results.next()).toEqual({ done: true, value: undefined });
  const other = (await subscribe(args('subscription { pages(last: 3) { text } }')).made) as typeof results;
  await other.next();
  await other.return?.();
  expect(await other.next()).toEqual({ done: true, value: undefined });
});
