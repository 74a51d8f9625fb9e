/** Which ids cells get. */

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCellIds, IdsError } from '../../../src/runtime/ids/index.ts';
import { disposers } from '../../support/disposers.ts';
import { files, folder } from '../cgroup/fixture.ts';

const onEnd = disposers();

const ID_BASE = 1_879_048_192;
const EVERY = '0 0 4294967295\n';
const PODMAN = '0 1000 1\n1 100000 65536\n';
// CAP_SETGID, CAP_SETUID and CAP_SYS_ADMIN.
const ALL = '000001ffffffffff';
const NO_ADMIN = '00000000a80425fb';
const NONE = '0000000000000000';

/** What findCellIds decides for a process, and what it tried on the way. */
const decide = async ({
  uid = 0,
  map = EVERY,
  capabilities = ALL,
  subordinate = '',
  attempt = async (_: readonly string[]): Promise<void> => undefined,
}) => {
  const proc = files(onEnd, {
    'self/uid_map': map,
    'self/gid_map': map,
    'self/setgroups': 'allow\n',
    'self/status': `CapEff:\t${capabilities}\n`,
  });
  const path = files(onEnd, { newuidmap: '', newgidmap: '' });
  for (const name of ['newuidmap', 'newgidmap']) chmodSync(join(path, name), 0o755);
  const tried: (readonly string[])[] = [];
  const outcome = findCellIds({
    launcher: '/cell',
    idBase: ID_BASE,
    proc,
    user: { uid, name: 'alice' },
    subordinate: { path: [path], etc: files(onEnd, { subuid: subordinate, subgid: subordinate }) },
    attempt: (enter) => {
      tried.push(enter);
      return attempt(enter);
    },
  });
  return { outcome, tried, path };
};

describe('root', () => {
  it('gives cells the range that is set, where it is', async () => {
    const { outcome, tried } = await decide({});
    const range = [{ inside: 0, outside: ID_BASE, count: 65_536 }];
    expect(await outcome).toEqual({
      kind: 'range',
      owners: null,
      count: 65_536,
      uids: range,
      gids: range,
      owner: { uid: ID_BASE, gid: ID_BASE },
      enter: [],
      groups: true,
      overlay: '',
      notice: undefined,
      remedy: undefined,
    });
    expect(tried).toEqual([]);
  });

  it('of a container with a user namespace gives them what that has', async () => {
    const { outcome } = await decide({ map: PODMAN });
    expect(await outcome).toMatchObject({
      kind: 'range',
      uids: [{ inside: 0, outside: 1, count: 65_536 }],
      owner: { uid: 1, gid: 1 },
      enter: [],
      overlay: 'userxattr',
      notice: expect.stringContaining('0 to 65535'),
    });
    expect(await (await decide({ map: '0 1000 1\n' })).outcome).toMatchObject({
      kind: 'single',
      uids: [{ inside: 0, outside: 0, count: 1 }],
      enter: [],
      remedy: expect.stringContaining('a range of ids'),
    });
  });

  it('without CAP_SYS_ADMIN makes a namespace, and maps its ids itself', async () => {
    const { outcome, tried } = await decide({ capabilities: NO_ADMIN });
    const enter = ['/cell', 'userns', 'groups', ...Array(2).fill(`0 0 1\n1 ${ID_BASE} 65536\n`), '', ''];
    expect(await outcome).toMatchObject({
      kind: 'range',
      uids: [{ inside: 0, outside: 1, count: 65_536 }],
      owner: { uid: ID_BASE, gid: ID_BASE },
      enter,
      overlay: 'userxattr',
    });
    expect(tried).toEqual([enter]);
  });
});

describe('a user', () => {
  it('with subordinate ids gives them to cells, and keeps its own out of them', async () => {
    const { outcome, path } = await decide({
      uid: 1000,
      capabilities: NONE,
      subordinate: 'alice:100000:65536\n',
    });
    const gid = process.getegid?.();
    expect(await outcome).toMatchObject({
      kind: 'subordinate',
      count: 65_536,
      uids: [{ inside: 0, outside: 1, count: 65_536 }],
      owner: { uid: 100_000, gid: 100_000 },
      enter: [
        '/cell',
        'userns',
        'groups',
        '0 1000 1\n1 100000 65536\n',
        `0 ${gid} 1\n1 100000 65536\n`,
        join(path, 'newuidmap'),
        join(path, 'newgidmap'),
      ],
      groups: true,
      remedy: undefined,
    });
  });

  it('with few subordinate ids has cells with few', async () => {
    const { outcome } = await decide({ uid: 1000, capabilities: NONE, subordinate: 'alice:100000:1000\n' });
    expect(await outcome).toMatchObject({ count: 1000, uids: [{ inside: 0, outside: 1, count: 1000 }] });
  });

  it('without them has cells with one id, and says why', async () => {
    const { outcome } = await decide({ uid: 1000, capabilities: NONE });
    expect(await outcome).toMatchObject({
      kind: 'single',
      count: 1,
      uids: [{ inside: 0, outside: 0, count: 1 }],
      owner: { uid: 1000 },
      groups: false,
      notice: expect.stringMatching(/id 0 only, because no ids are set aside for alice/),
      remedy: expect.stringContaining('usermod --add-subuids'),
    });
  });

  it('whose helpers do not work has cells with one id, and repeats what they said', async () => {
    const { outcome, tried } = await decide({
      uid: 1000,
      capabilities: NONE,
      subordinate: 'alice:100000:65536\n',
      attempt: async (enter) => {
        if (enter.includes('groups')) throw new IdsError('newuidmap: write to uid_map failed');
      },
    });
    expect(await outcome).toMatchObject({
      kind: 'single',
      notice: expect.stringContaining('newuidmap: write to uid_map failed'),
      remedy: expect.stringContaining('NoNewPrivileges'),
    });
    expect(tried.length).toBe(2);
  });

  it('who may make no user namespace has none', async () => {
    const attempt = async () => {
      throw new IdsError('user namespace: Operation not permitted');
    };
    const { outcome } = await decide({ uid: 1000, capabilities: NONE, attempt });
    await expect(outcome).rejects.toThrow(
      'this user may not make user namespaces: user namespace: Operation not permitted',
    );
  });
});

it('repeats what the launcher said when it is tried for real', async () => {
  const launcher = join(files(onEnd, { cell: '#!/bin/sh\necho "cell: no way" >&2; exit 1\n' }), 'cell');
  chmodSync(launcher, 0o755);
  const proc = files(onEnd, {
    'self/uid_map': EVERY,
    'self/gid_map': EVERY,
    'self/setgroups': 'allow\n',
    'self/status': `CapEff:\t${NONE}\n`,
  });
  const options = { launcher, idBase: ID_BASE, proc, user: { uid: 1000, name: undefined } };
  const refusal = await findCellIds({ ...options, subordinate: { etc: folder(onEnd) } }).catch(
    (error: unknown) => error,
  );
  expect(refusal).toBeInstanceOf(IdsError);
  expect(String(refusal)).toContain('cell: no way');
});
