/** A server in a container. */

import { mkdirSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLOCKS_START_S } from '../../src/runtime/clocks.ts';
import { formatMap } from '../../src/runtime/ids/map.ts';
import { LAUNCHER } from '../support/cell.ts';
import { cgroup2Mount } from '../support/cgroup2.ts';
import { disposers } from '../support/disposers.ts';
import { ID_BASE, TEST_IMAGE_PATHS, testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';
import { UnprivilegedUser } from '../support/unprivileged.ts';

/** Servers in surroundings as container engines make them: each works, or is refused at its start with the remedy. */

const onEnd = disposers();

interface Container {
  /** Shell commands that make it, as root in mount and cgroup namespaces of their own; `$state` is the state folder. */
  readonly prepare?: readonly string[];
  /** Program and arguments that lead into it. */
  readonly enter?: readonly string[];
}

/** A server in a container; the image of all tests is copied to where the state folder is then. */
const contained = async ({ prepare = [], enter = [] }: Container): Promise<TestServer> => {
  await testImage();
  const folder = mkdtempSync(join(tmpdir(), 'cloister-container-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const state = join(folder, 'state');
  mkdirSync(state);
  const lines = ['set -e', 'state=$1; shift', ...prepare, 'exec "$@"'];
  const unshare = ['unshare', '--mount', '--cgroup', 'sh', '-c', lines.join('\n'), 'sh', state];
  const server = new TestServer(state, [], (command) => [...unshare, ...enter, ...command]);
  onEnd(() => server.end());
  return server;
};

// Without CAP_SYS_ADMIN: profiles/ and oci/caps/defaults.go of Moby.
const DOCKER =
  '-all,+chown,+dac_override,+fsetid,+fowner,+mknod,+net_raw,+setgid,+setuid,+setfcap,+setpcap,+net_bind_service,' +
  '+sys_chroot,+kill,+audit_write';

const COPY_IMAGE = `mkdir "$state/images"; cp -a ${TEST_IMAGE_PATHS.map((path) => `'${path}'`).join(' ')} "$state/images"`;

/** Leads into a user namespace where a count of user_namespaces(7) is 0: the machine's own is not to be changed. */
const without = (count: string): readonly string[] => [
  LAUNCHER,
  'userns',
  'groups',
  '0 0 4294967295',
  '0 0 4294967295',
  ...['', ''],
  ...['/bin/sh', '-c'],
  `[ "$(readlink /proc/self/ns/user)" != '${readlinkSync('/proc/self/ns/user')}' ] || exit 3
  echo 0 >/proc/sys/user/${count}; exec "$@"`,
  'sh',
];
const FORBIDDING = without('max_user_namespaces');

/** Starts it and runs a job in it. */
const works = async (container: Container): Promise<TestServer> => {
  const server = await contained(container);
  await server.boot().catch((error: unknown) => {
    throw new Error(`${error}\n${server.errors}`);
  });
  const job = await server.run({
    command: 'id -u; ls /proc/self >/dev/null && echo proc; touch /x && echo layer',
  });
  expect(await server.output(job.id)).toEqual({ stdout: '0\nproc\nlayer\n', stderr: '' });
  return server;
};

/** What it says when it refuses to start. */
const refusal = async (container: Container): Promise<string> => {
  const server = await contained(container);
  await expect(server.boot()).rejects.toThrow('the server ended with code 1');
  return server.errors;
};

/** Layers of overlay file systems at the state folder, above a file system that is none. */
const layers = (count: number): readonly string[] => [
  'mount -t tmpfs -o mode=0755 layers "$state"',
  ...Array.from({ length: count }, (_, index) => [
    `mkdir "$state/l${index}" "$state/u${index}"; mount -t tmpfs upper "$state/u${index}"`,
    `mkdir "$state/u${index}/u" "$state/u${index}/w" "$state/o${index}"`,
    `mount -t overlay overlay -o lowerdir="$state/l${index}",upperdir="$state/u${index}/u",workdir="$state/u${index}/w" "$state/o${index}"`,
    `mount --bind "$state/o${index}" "$state"`,
  ]).flat(),
];

describe('a container', () => {
  it('with nothing covered works', async () => {
    await works({ prepare: [COPY_IMAGE] });
  });

  it('with parts of /sys covered works: cells have none of it', async () => {
    await works({ prepare: ['mount -t tmpfs covered /sys/firmware', COPY_IMAGE] });
  });

  it('with parts of /proc covered is refused', async () => {
    const said = await refusal({ prepare: ['mount --bind /dev/null /proc/interrupts', COPY_IMAGE] });
    expect(said).toContain('cells cannot be made here: mount /proc: operation not permitted');
    expect(said).toContain('--security-opt systempaths=unconfined');
    expect(said).toContain('procMount: Unmasked');
  });

  it('with /proc/sys read-only, as engines have it, is refused as well', async () => {
    const said = await refusal({ prepare: ['mount --bind -o ro /proc/sys /proc/sys', COPY_IMAGE] });
    expect(said).toContain('systempaths=unconfined');
  });

  it('whose state folder is on an overlay works', async () => {
    await works({ prepare: [...layers(1), COPY_IMAGE] });
  });

  it('whose state folder is on too many overlays is refused', async () => {
    const said = await refusal({ prepare: [...layers(2), COPY_IMAGE] });
    expect(said).toContain('cells cannot be made here: overlay');
    expect(said).toContain('put it on a volume');
  });

  it('with a read-only cgroup mount is refused, and works for a server that is not root', async () => {
    const readOnly = `mount -o remount,bind,ro '${cgroup2Mount()}'`;
    const said = await refusal({ prepare: [readOnly, COPY_IMAGE] });
    expect(said).toContain('read-only');
    expect(said).toContain('--security-opt writable-cgroups=true');

    const unprivileged = new UnprivilegedUser({ prepare: readOnly });
    onEnd(() => unprivileged.dispose());
    const server = new TestServer(unprivileged.stateDir, ['--launcher', unprivileged.launcher], (command) =>
      unprivileged.command(command),
    );
    onEnd(() => server.end());
    await server.boot();
    expect(server.errors).toContain('is mounted read-only');
    expect((await server.run({ command: 'true' })).exitCode).toBe(0);
  });

  it('whose root has the capabilities that Docker gives works', async () => {
    const server = await works({
      prepare: [COPY_IMAGE],
      enter: ['setpriv', '--inh-caps', '-all', '--bounding-set', DOCKER, '--'],
    });
    expect(server.errors).toContain('without CAP_SYS_ADMIN: cells have the ids 0 to 65535');
    const { id } = await server.run({ command: 'cat /proc/self/uid_map', user: '1000' });
    expect((await server.output(id)).stdout.trim().split(/\s+/)).toEqual(['0', '1', '65536']);
  });

  it('whose root may not set clocks gives cells clocks of their own', async () => {
    const server = await works({
      prepare: [COPY_IMAGE],
      enter: ['setpriv', '--inh-caps', '-all', '--bounding-set', `${DOCKER},+sys_admin`, '--'],
    });
    expect(server.errors).not.toContain('time namespaces');
    const { id } = await server.run({ command: 'cut -d . -f 1 /proc/uptime; readlink /proc/self/ns/time' });
    const [uptime, namespace] = (await server.output(id)).stdout.trim().split('\n');
    expect(Number(uptime)).toBeGreaterThanOrEqual(CLOCKS_START_S);
    expect(Number(uptime)).toBeLessThan(CLOCKS_START_S + 600);
    expect(namespace).not.toBe(readlinkSync('/proc/self/ns/time'));
  });

  it('with a user namespace of its own gives cells the ids that it has', async () => {
    const map = formatMap([
      { inside: 0, outside: 0, count: 1 },
      { inside: 1, outside: ID_BASE, count: 65_536 },
    ]);
    const server = await works({
      prepare: [COPY_IMAGE],
      enter: [LAUNCHER, 'userns', 'groups', map, map, '', ''],
    });
    expect(server.errors).toContain('cells have the ids 0 to 65535: what this container has');
    const { id } = await server.run({ command: 'id -u; id -g', user: '1000:1000' });
    expect((await server.output(id)).stdout).toBe('1000\n1000\n');
  });

  it('without inotify works: files are polled, which is said once', async () => {
    const server = await works({ prepare: [COPY_IMAGE], enter: without('max_inotify_instances') });
    const id = await server.submit({ command: 'for i in 1 2 3; do echo $i; sleep 0.5; done' });
    expect(await server.output(id)).toEqual({ stdout: '1\n2\n3\n', stderr: '' });
    expect(server.errors.match(/files are polled every 250 ms/g)).toHaveLength(1);
  });

  it('that forbids user namespaces is refused, to root and to others', async () => {
    const said = await refusal({ prepare: [COPY_IMAGE], enter: FORBIDDING });
    expect(said).toContain('cells cannot be made here: clone namespaces');
    expect(said).toContain('sysctl -w user.max_user_namespaces=10000');

    const unprivileged = new UnprivilegedUser();
    onEnd(() => unprivileged.dispose());
    const server = new TestServer(unprivileged.stateDir, ['--launcher', unprivileged.launcher], (command) => [
      ...FORBIDDING,
      ...unprivileged.command(command),
    ]);
    await expect(server.boot()).rejects.toThrow('code 1');
    expect(server.errors).toContain('this user may not make user namespaces');
    expect(server.errors).toContain('sysctl -w user.max_user_namespaces=10000');
  });
});
