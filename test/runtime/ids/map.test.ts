/** Id maps. */

import { describe, expect, it } from 'vitest';
import {
  behindFirst,
  formatMap,
  isInitial,
  lineUp,
  readRights,
  roomFor,
} from '../../../src/runtime/ids/map.ts';
import { parseMap } from '../../../src/runtime/protocol/id-map.ts';
import { disposers } from '../../support/disposers.ts';
import { files } from '../cgroup/fixture.ts';

const onEnd = disposers();

const INITIAL = parseMap('         0          0 4294967295\n');
const PODMAN = parseMap('         0       1000          1\n         1     100000      65536\n');

describe('parseMap', () => {
  it('reads the lines of the kernel, and none of a namespace without a map', () => {
    expect(PODMAN).toEqual([
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100_000, count: 65_536 },
    ]);
    expect(parseMap('')).toEqual([]);
  });

  it('knows the initial namespace', () => {
    expect([INITIAL, PODMAN, []].map(isInitial)).toEqual([true, false, false]);
  });
});

describe('roomFor', () => {
  it('is the range that was asked for, where it is mapped', () => {
    expect(roomFor(INITIAL, 1_879_048_192)).toEqual({ first: 1_879_048_192, count: 65_536 });
  });

  it.each([
    ['0 1000 1\n1 100000 65536\n', { first: 1, count: 65_536 }],
    ['0 231072 65536\n', { first: 1, count: 65_535 }],
    ['0 1000 1\n1 100000 10\n100 200000 500\n', { first: 100, count: 500 }],
    ['0 1000 100000\n', { first: 1, count: 65_536 }],
  ])('of a container with the map %j is its longest row without id 0', (map, room) => {
    expect(roomFor(parseMap(map), 1_879_048_192)).toEqual(room);
  });

  it('is nothing where there is only id 0', () => {
    expect(roomFor(parseMap('0 1000 1\n'), 65_536)).toBeUndefined();
    expect(roomFor([], 65_536)).toBeUndefined();
  });
});

describe('a map with the server as id 0', () => {
  it('lines up what there is, up to as many ids as a cell can have', () => {
    const map = lineUp(1000, [
      { first: 100_000, count: 40_000 },
      { first: 500_000, count: 40_000 },
      { first: 900_000, count: 40_000 },
    ]);
    expect(formatMap(map)).toBe('0 1000 1\n1 100000 40000\n40001 500000 25536\n');
    expect(formatMap(lineUp(1000, []))).toBe('0 1000 1\n');
  });

  it('is the outside of the map of a cell, which begins after the server and breaks where it breaks', () => {
    const map = lineUp(1000, [
      { first: 100_000, count: 40_000 },
      { first: 500_000, count: 25_536 },
    ]);
    expect(formatMap(behindFirst(map, 65_536))).toBe('0 1 40000\n40000 40001 25536\n');
    expect(formatMap(behindFirst(map, 40_001))).toBe('0 1 40000\n40000 40001 1\n');
    expect(formatMap(behindFirst(map, 10))).toBe('0 1 10\n');
  });
});

it('reads the rights of this process from procfs', async () => {
  const proc = files(onEnd, {
    'self/uid_map': '0 0 4294967295\n',
    'self/gid_map': '0 1000 1\n',
    'self/setgroups': 'deny\n',
    'self/status': 'Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t0000000000200040\n',
  });
  expect(await readRights(proc)).toEqual({
    uids: INITIAL,
    gids: [{ inside: 0, outside: 1000, count: 1 }],
    groups: false,
    capabilities: (1n << 21n) | (1n << 6n),
  });
});
