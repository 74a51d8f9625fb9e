/** The user namespace in which cells are made without root. */

import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LAUNCHER } from '../support/cell.ts';
import { SUBORDINATE } from '../support/unprivileged.ts';

const MAP = `0 0 1\n1 ${SUBORDINATE} 1000\n`;

/** Runs `cell userns` with a shell in it. */
const userns = (
  line: string,
  { groups = 'groups', uids = MAP, gids = MAP, uidHelper = '', gidHelper = '' } = {},
) => {
  const command = ['userns', groups, uids, gids, uidHelper, gidHelper, '/bin/sh', '-c', line];
  const { status, stdout, stderr } = spawnSync(LAUNCHER, command, { encoding: 'utf8' });
  return { status, stdout, stderr: stderr.trim() };
};

describe('cell userns', () => {
  it('executes a program as root of user and mount namespaces of its own, with the ids that it is given', () => {
    const { status, stdout } = userns(
      'readlink /proc/self/ns/user /proc/self/ns/mnt; id -u; id -G; cat /proc/self/uid_map /proc/self/setgroups; exit 7',
    );
    const [user, mount, uid, groups, ...rest] = stdout.trim().split('\n');
    expect(status).toBe(7);
    expect(user).not.toBe(readlinkSync('/proc/self/ns/user'));
    expect(mount).not.toBe(readlinkSync('/proc/self/ns/mnt'));
    expect([uid, groups]).toEqual(['0', '0']);
    expect(rest.map((line) => line.trim().replaceAll(/\s+/g, ' '))).toEqual([
      '0 0 1',
      `1 ${SUBORDINATE} 1000`,
      'allow',
    ]);
  });

  it('gives up groups if it is asked to', () => {
    expect(userns('cat /proc/self/setgroups', { groups: 'nogroups' }).stdout).toBe('deny\n');
  });

  it('passes none of its own descriptors on', () => {
    const line = 'ls /proc/self/fd';
    const without = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8' });
    expect(userns(line).stdout).toBe(without.stdout);
  });

  it('passes helpers the process and the numbers of the map, as newuidmap(1) takes them', () => {
    const { status, stdout, stderr } = userns('echo executed', {
      uidHelper: '/bin/echo',
      gidHelper: '/bin/echo',
    });
    expect(stdout).toMatch(
      new RegExp(`^(\\d+) 0 0 1 1 ${SUBORDINATE} 1000\n\\1 0 0 1 1 ${SUBORDINATE} 1000\n$`),
    );
    // These only print them: nothing is mapped, so there is no root to become.
    expect([status, stderr]).toEqual([1, 'cell: root of the user namespace: Operation not permitted']);
  });

  it.each([
    [{ uids: '0 0 1\n0 5 1\n' }, 'cell: uid_map of the user namespace: Invalid argument'],
    [{ gids: 'nonsense\n' }, 'cell: gid_map of the user namespace: Invalid argument'],
    [{ uidHelper: '/bin/false' }, 'cell: /bin/false failed'],
    [{ gidHelper: '/no/such/helper' }, 'cell: /no/such/helper: No such file or directory'],
  ])('says what went wrong with %j, and executes nothing', (options, message) => {
    const { status, stdout, stderr } = userns('echo executed', options);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.split('\n')).toContain(message);
  });

  it('says so when there is no such program', () => {
    const { status, stderr } = spawnSync(
      LAUNCHER,
      ['userns', 'groups', MAP, MAP, '', '', '/no/such/program'],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stderr]).toEqual([1, 'cell: /no/such/program: No such file or directory\n']);
  });
});
