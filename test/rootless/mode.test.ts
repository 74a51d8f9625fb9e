/** State folders and `cloister doctor` of a user who is not root. */

import { execFile } from 'node:child_process';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { TestServer } from '../support/server.ts';
import { itWithHelpers, SUBORDINATE, UnprivilegedUser } from '../support/unprivileged.ts';

const onEnd = disposers();

const IDS = `NAME:${SUBORDINATE}:65536\n`;

describe('a state folder', () => {
  itWithHelpers('unpacks its image again when cells have other ids than before', async () => {
    const unprivileged = new UnprivilegedUser();
    onEnd(() => unprivileged.dispose());
    const server = new TestServer(unprivileged.stateDir, ['--launcher', unprivileged.launcher], (command) =>
      unprivileged.command(command),
    );
    onEnd(() => server.end());
    const images = join(unprivileged.stateDir, 'images');
    const owner = () => lstatSync(join(images, 'alpine', 'etc')).uid;
    const uid = async () =>
      (await server.output((await server.run({ command: 'stat -c %u /etc' })).id)).stdout;

    await server.boot();
    expect([owner(), await uid()]).toEqual([unprivileged.uid, '0\n']);
    await server.end();

    unprivileged.setAside(IDS);
    await server.boot();
    expect([owner(), await uid()]).toEqual([SUBORDINATE, '0\n']);
    expect(readdirSync(images).toSorted()).toEqual(['alpine', 'alpine.json']);
    await server.end();

    // Without the ids there is no way to remove what belongs to them.
    unprivileged.setAside('');
    await expect(server.boot()).rejects.toThrow(
      `${join(images, 'alpine')} belongs to user ${SUBORDINATE}, because cells had other ids when it was made. ` +
        `Remove it as root: rm -r ${join(images, 'alpine')}`,
    );
    expect(existsSync(join(images, 'alpine', 'etc'))).toBe(true);
  });
});

describe('the doctor of a user', () => {
  const findings = async (
    unprivileged: UnprivilegedUser,
    node: readonly string[] = [process.execPath],
  ): Promise<readonly Record<string, string>[]> => {
    const [program = '', ...parameters] = unprivileged.command([
      ...node,
      ...[
        'src/main.ts',
        'doctor',
        '--json',
        '--state-dir',
        unprivileged.stateDir,
        '--launcher',
        unprivileged.launcher,
      ],
    ]);
    return new Promise((resolve) => {
      // It exits with 1 where anything fails, as the controllers of a hybrid host do.
      execFile(program, parameters, (_error, stdout) => resolve(JSON.parse(stdout)));
    });
  };

  it('makes a cell, and says what would give more', async () => {
    const unprivileged = new UnprivilegedUser();
    onEnd(() => unprivileged.dispose());
    const checks = await findings(unprivileged);
    expect(checks.find(({ name }) => name === 'a cell')).toMatchObject({ status: 'PASS' });
    expect(checks.find(({ name }) => name === 'ids of cells')).toMatchObject({
      status: 'WARN',
      detail: expect.stringContaining('the id 0 only'),
      remedy: expect.stringMatching(/apt-get install uidmap|usermod --add-subuids/),
    });
    expect(checks.find(({ name }) => name === 'cgroup delegation')).toMatchObject({
      status: 'WARN',
      detail: expect.stringContaining('jobs have no limits on CPUs, memory and pids'),
      remedy: expect.stringContaining('systemd-run --user --scope -p Delegate=yes'),
    });
    expect(readdirSync(unprivileged.stateDir)).toEqual([]);
  });

  itWithHelpers(
    'finds out that set-uid programs do not help, as in a unit with NoNewPrivileges=yes',
    async () => {
      const unprivileged = new UnprivilegedUser({ subordinate: IDS });
      onEnd(() => unprivileged.dispose());
      const node = ['setpriv', '--no-new-privs', '--', join(unprivileged.folder, 'node')];
      const checks = await findings(unprivileged, node);
      expect(checks.find(({ name }) => name === 'ids of cells')).toMatchObject({
        status: 'WARN',
        detail: expect.stringMatching(/the id 0 only, because .*newuidmap/),
        remedy: expect.stringContaining('NoNewPrivileges'),
      });
      expect(checks.find(({ name }) => name === 'a cell')).toMatchObject({ status: 'PASS' });
    },
  );

  itWithHelpers('is content with subordinate ids', async () => {
    const unprivileged = new UnprivilegedUser({ subordinate: IDS });
    onEnd(() => unprivileged.dispose());
    expect((await findings(unprivileged)).find(({ name }) => name === 'ids of cells')).toMatchObject({
      status: 'PASS',
      detail: expect.stringContaining('the ids 0 to 65535, subordinate ids'),
    });
  });
});
