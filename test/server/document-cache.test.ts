// What the server keeps of the documents that clients send.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { DocumentCache } from '../../src/server/document-cache.ts';
import { disposers } from '../support/disposers.ts';
import { ask, serveFakes } from './fixture.ts';

const dispose = disposers();
const MIB = 1024 ** 2;
/** Bytes that the server may keep, garbage of the clients in this process included. */
const MOST = 40 * MIB;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const inUse = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

describe('of documents that are each sent once, the server keeps little', () => {
  it.each<[string, number, (index: number) => string]>([
    ['too large', 20, (index) => `{ server { version } } # ${index}${'x'.repeat(3 * MIB)}`],
    ['not GraphQL', 100, (index) => `{ ${index} # ${'x'.repeat(250_000)}`],
    ['with long comments', 250, (index) => `{ server { version } } # ${index}${'x'.repeat(250_000)}`],
    ['with many fields', 250, (index) => `{ a${index}: server { ${'version '.repeat(490)} } }`],
  ])('%s', async (_name, count, document) => {
    const fixture = await serveFakes(dispose);
    await ask(fixture, document(-1));
    const before = inUse();
    for (let index = 0; index < count; index++) await ask(fixture, document(index));
    expect(inUse() - before).toBeLessThan(MOST);
  });
});

describe('DocumentCache', () => {
  const document = parse('{ a }');

  it('keeps those that were used last', () => {
    const cache = new DocumentCache();
    const text = (index: number): string => `${index}`.padEnd(1024, '#');
    for (let index = 0; index < 128; index++) cache.set(text(index), document);
    expect(cache.get(text(0))).toBe(document);
    cache.set(text(128), document);
    expect(cache.get(text(0))).toBe(document);
    expect(cache.get(text(1))).toBeUndefined();
    expect(cache.get(text(2))).toBe(document);
    expect(cache.get(text(128))).toBe(document);
  });

  it('does not keep a long one', () => {
    const cache = new DocumentCache();
    cache.set('x'.repeat(16 * 1024 + 1), document);
    expect(cache.get('x'.repeat(16 * 1024 + 1))).toBeUndefined();
  });

  it('counts one that is set twice once', () => {
    const cache = new DocumentCache();
    for (let count = 0; count < 1000; count++) cache.set('x'.repeat(1024), document);
    expect(cache.get('x'.repeat(1024))).toBe(document);
  });
});
