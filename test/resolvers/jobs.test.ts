/** Lists of jobs: pages, filters and order. */

import { describe, expect, it } from 'vitest';
import { unknownId } from '../server/fake-jobs.ts';
import { Api } from './fixture.ts';

const many = (count: number) => {
  const api = new Api();
  const ids = Array.from({ length: count }, () => api.jobs.add().id).reverse();
  return { api, ids };
};

describe('jobs', () => {
  it('returns the newest 20 by default', async () => {
    const { api, ids } = many(25);
    const document =
      '{ jobs { nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }';
    const page = ids.slice(0, 20);
    expect(await api.data(document)).toEqual({
      jobs: {
        nodes: page.map((id) => ({ id })),
        edges: page.map((cursor) => ({ cursor })),
        pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: page[0], endCursor: page[19] },
      },
    });
    expect(api.jobs.listed).toEqual([{ limit: 20, backward: false, order: 'NEWEST_FIRST', filter: {} }]);
  });

  it('passes on where a page begins and its direction', async () => {
    const { api } = many(1);
    await api.data(`{ jobs(first: 5, after: "${unknownId}", orderBy: OLDEST_FIRST) { nodes { id } } }`);
    await api.data(`{ jobs(last: 100, before: "${unknownId}") { nodes { id } } }`);
    expect(api.jobs.listed).toEqual([
      { limit: 5, backward: false, order: 'OLDEST_FIRST', after: unknownId, filter: {} },
      { limit: 100, backward: true, order: 'NEWEST_FIRST', before: unknownId, filter: {} },
    ]);
  });

  it('passes on every field of the filter', async () => {
    const { api } = many(1);
    const filter = {
      status: ['RUNNING', 'LOST'],
      name: 'n',
      image: 'alpine',
      owner: 'o',
      label: { key: 'k', value: 'v' },
      createdAfter: '2026-01-02T03:04:05.5+01:00',
      createdBefore: '2026-12-31T23:59:59Z',
      idPrefix: '0197AB-7',
      failed: true,
      exitCode: 7,
      signal: 'kill',
      limitExceeded: 'MEMORY',
    };
    await api.data('query ($filter: JobFilter) { jobs(filter: $filter) { nodes { id } } }', { filter });
    expect(api.jobs.listed[0]?.filter).toEqual({
      ...filter,
      createdAfter: new Date('2026-01-02T02:04:05.500Z'),
      createdBefore: new Date('2026-12-31T23:59:59Z'),
      idPrefix: '0197ab-7',
      signal: 'SIGKILL',
    });
  });

  it.each([
    ['idPrefix: "x"', 'filter.idPrefix: expected the beginning of an id: 1 to 35 hexadecimal digits and "-"'],
    ['idPrefix: ""', 'filter.idPrefix: expected the beginning of an id'],
    ['signal: "SIGNONE"', 'filter.signal: expected a signal by its name or number'],
  ])('refuses { %s }', async (filter, message) => {
    const { errors } = await many(1).api.ask(`{ jobs(filter: { ${filter} }) { nodes { id } } }`);
    expect(errors?.[0]?.message).toContain(message);
    expect(errors?.[0]?.extensions?.['code']).toBe('BAD_USER_INPUT');
  });

  it('treats null as absent', async () => {
    const { api } = many(1);
    const nothing = { status: null, name: null, image: null, owner: null, label: null, createdAfter: null };
    await api.data(
      'query ($filter: JobFilter) { jobs(first: null, after: null, filter: $filter, orderBy: null) { nodes { id } } }',
      { filter: nothing },
    );
    expect(api.jobs.listed).toEqual([{ limit: 20, backward: false, order: 'NEWEST_FIRST', filter: {} }]);
  });

  it('counts only when totalCount is selected', async () => {
    const { api } = many(3);
    await api.data('{ jobs { nodes { id } } }');
    expect(api.jobs.counted).toBe(0);
    expect(await api.data('{ jobs(first: 1) { totalCount totalCountIsExact nodes { id } } }')).toMatchObject({
      jobs: { totalCount: 3, totalCountIsExact: true },
    });
    expect(api.jobs.counted).toBe(1);
  });

  it.each([
    ['first: 0', 'first', 'first: expected from 1 to 100, got 0'],
    ['first: -1', 'first', 'first: expected from 1 to 100, got -1'],
    ['first: 101', 'first', 'first: expected from 1 to 100, got 101'],
    ['last: 0', 'last', 'last: expected from 1 to 100, got 0'],
    ['last: 101', 'last', 'last: expected from 1 to 100, got 101'],
    ['first: 1, last: 1', 'last', 'last: expected only one of first and last, got "both"'],
    ['after: "x"', 'after', 'after: expected a cursor from a page of jobs, got "x"'],
    ['before: ""', 'before', 'before: expected a cursor from a page of jobs, got ""'],
    [
      'filter: { createdAfter: "yesterday" }',
      'filter.createdAfter',
      'filter.createdAfter: expected a date and time such as "2026-01-31T12:00:00Z", got "yesterday"',
    ],
  ])('refuses %s', async (given, field, message) => {
    const { api } = many(1);
    expect(await api.error(`{ jobs(${given}) { nodes { id } } }`)).toMatchObject({
      message,
      extensions: { code: 'BAD_USER_INPUT', field },
    });
    expect(api.jobs.listed).toEqual([]);
  });

  it('refuses everything that is wrong with a page at once', async () => {
    const { api } = many(1);
    const { extensions } = await api.error(
      '{ jobs(first: 0, after: "x", filter: { createdAfter: "y", signal: "z" }) { nodes { id } } }',
    );
    expect(extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'filter.createdAfter',
      faults: ['filter.createdAfter', 'filter.signal', 'first', 'after'].map((field) => ({ field })),
    });
    expect(api.jobs.listed).toEqual([]);
  });
});
