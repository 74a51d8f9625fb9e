/** Subordinate ids. */

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findSubordinate, parseGetsubids, parseSubordinate } from '../../../src/runtime/ids/subordinate.ts';
import { disposers } from '../../support/disposers.ts';
import { files } from '../cgroup/fixture.ts';

const onEnd = disposers();
const ALICE = { uid: 1000, name: 'alice' };

describe('parseSubordinate', () => {
  it('takes the lines of the user, by name or by number', () => {
    const text =
      'bob:100000:65536\nalice:200000:1000\n1000:300000:65536\n#alice:1:1\nalice:400000:0\n10:5:5\n';
    expect(parseSubordinate(text, ALICE)).toEqual([
      { first: 200_000, count: 1000 },
      { first: 300_000, count: 65_536 },
    ]);
  });
});

describe('parseGetsubids', () => {
  it('reads what the program prints', () => {
    expect(parseGetsubids('0: alice 100000 65536\n1: alice 300000 10\n')).toEqual([
      { first: 100_000, count: 65_536 },
      { first: 300_000, count: 10 },
    ]);
    expect(parseGetsubids('Error fetching ranges\n')).toEqual([]);
  });
});

describe('findSubordinate', () => {
  const programs = (contents: Readonly<Record<string, string>>) => {
    const folder = files(onEnd, contents);
    for (const name of Object.keys(contents)) chmodSync(join(folder, name), 0o755);
    return folder;
  };
  const HELPERS = { newuidmap: '', newgidmap: '' };
  const etc = (subuid: string, subgid = subuid) => files(onEnd, { subuid, subgid });

  it('finds helpers, and ids in the files', async () => {
    const path = programs(HELPERS);
    expect(
      await findSubordinate({
        user: ALICE,
        path: [path],
        etc: etc('alice:100000:65536\n', 'alice:200000:65536\n'),
      }),
    ).toEqual({
      uids: [{ first: 100_000, count: 65_536 }],
      gids: [{ first: 200_000, count: 65_536 }],
      helpers: { uid: join(path, 'newuidmap'), gid: join(path, 'newgidmap') },
    });
  });

  it('asks getsubids first, which knows more than the files', async () => {
    const getsubids = '#!/bin/sh\n[ "$1" = -g ] && echo "0: $2 7000 5" || echo "0: $1 6000 5"\n';
    const path = programs({ ...HELPERS, getsubids });
    expect(await findSubordinate({ user: ALICE, path: [path], etc: etc('alice:1:1\n') })).toMatchObject({
      uids: [{ first: 6000, count: 5 }],
      gids: [{ first: 7000, count: 5 }],
    });
    const failing = programs({ ...HELPERS, getsubids: '#!/bin/sh\nexit 1\n' });
    expect(await findSubordinate({ user: ALICE, path: [failing], etc: etc('alice:1:9\n') })).toMatchObject({
      uids: [{ first: 1, count: 9 }],
    });
  });

  it('says what is missing and how to get it', async () => {
    const path = [programs(HELPERS)];
    const found = async (options: Partial<Parameters<typeof findSubordinate>[0]>) => {
      const found = await findSubordinate({ user: ALICE, path, etc: etc('alice:1:9\n'), ...options });
      return 'reason' in found ? [found.reason, found.remedy] : found;
    };
    expect(await found({ user: { uid: 77, name: undefined } })).toEqual([
      'user 77 has no name, which newuidmap asks for',
      'give it an entry in /etc/passwd',
    ]);
    const none = [programs({ newuidmap: '' })];
    expect(await found({ path: none })).toEqual([
      'newgidmap is not installed',
      expect.stringContaining('apt-get install uidmap'),
    ]);
    const empty = etc('alice:1:9\n', '');
    expect(await found({ etc: empty })).toEqual([
      `no ids are set aside for alice in ${empty}/subgid`,
      'as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 alice',
    ]);
  });
});
