/** A server that is not root, with and without subordinate ids. */

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeParts, ociArchive, tar } from '../support/archives.ts';
import { TestServer } from '../support/server.ts';
import { hasHelpers, SUBORDINATE, UnprivilegedUser } from '../support/unprivileged.ts';

const [major = 0, minor = 0] = release().split('.').map(Number);
const tmpfsHasUserAttributes = major > 6 || (major === 6 && minor >= 6);

/** What holds for every server that is not root; `ids`: whether it has subordinate ones. */
const describeUser = (title: string, subordinate: string): void => {
  describe(title, () => {
    const ids = subordinate !== '';
    let unprivileged: UnprivilegedUser;
    let server: TestServer;

    beforeAll(async () => {
      unprivileged = new UnprivilegedUser({ subordinate });
      server = new TestServer(unprivileged.stateDir, ['--launcher', unprivileged.launcher], (command) =>
        unprivileged.command(command),
      );
      await server.boot();
    });

    afterAll(async () => {
      await server.end();
      expect(unprivileged.processes()).toEqual([]);
      unprivileged.dispose();
    });

    const run = async (command: string, input: Record<string, unknown> = {}) => {
      const job = await server.run({ command, ...input });
      const { stdout, stderr } = await server.output(job.id);
      return { job, stdout, stderr };
    };

    it('says what cells have, each in a line', () => {
      const lines = server.log.map(({ msg }) => msg);
      const about = (start: string) => lines.filter((line) => line.startsWith(start));
      expect(about('not root: cells have the id')).toHaveLength(1);
      expect(about('not root: ')[0]).toMatch(
        ids
          ? /the ids 0 to 65535, subordinate ids/
          : /the id 0 only, because no ids are set aside .* usermod/,
      );
      expect(about('no cgroup for jobs')).toHaveLength(1);
      expect(about('no cgroup for jobs')[0]).toContain('systemd-run --user --scope -p Delegate=yes');
    });

    it('runs images of its own, in which folders look as in the layer below', async () => {
      const lower = tar([
        { path: 'bin/busybox', content: readFileSync('/bin/busybox') },
        { path: 'bin/sh', type: '2', link: 'busybox' },
        { path: 'drop', type: '5', mode: 0o1777, uid: 12, gid: 34 },
      ]);
      const upper = tar([{ path: 'drop/added', content: 'added\n' }]);
      const response = await fetch(new URL('images/own', server.url), {
        method: 'PUT',
        headers: { authorization: `Bearer ${server.token}` },
        body: new Uint8Array(ociArchive(makeParts([lower, upper]))),
      });
      expect(await response.json()).toMatchObject({ image: { name: 'own' } });
      const command = 'busybox stat -c "%a %u:%g %Y" /drop; busybox cat /drop/added';
      const { stdout, stderr } = await run(command, { image: 'own' });
      const owner = ids ? '12:34' : '0:0';
      expect({ stdout, stderr }).toEqual({ stdout: `1777 ${owner} 1000000000\nadded\n`, stderr: '' });
      await server.query('mutation { deleteImage(input: { name: "own" }) { name } }');
      expect(readdirSync(join(unprivileged.stateDir, 'layers'))).toEqual([]);
    });

    it('gives a cell its ids and no others', async () => {
      const { stdout } = await run('id -u; id -g; cat /proc/self/uid_map; cat /proc/self/setgroups');
      const [uid, gid, map = '', groups] = stdout.trim().split('\n');
      expect([uid, gid]).toEqual(['0', '0']);
      expect(map.trim().split(/\s+/)).toEqual(ids ? ['0', '1', '65536'] : ['0', '0', '1']);
      expect(groups).toBe(ids ? 'allow' : 'deny');
    });

    it('runs commands as a user that the machine does not know, or as the server’s user', async () => {
      const id = await server.submit({ command: 'echo up; exec sleep 4242' });
      for await (const _ of server.subscribe('subscription ($id: ID!) { logs(jobId: $id) { cursor } }', {
        id,
      }))
        break;
      const found = unprivileged.processes().filter(({ command }) => command === 'sleep 4242');
      expect(found.map(({ uid }) => uid)).toEqual([ids ? SUBORDINATE : unprivileged.uid]);
      expect((await server.stop(id, 0)).status).toBe('STOPPED');
      expect(unprivileged.processes().filter(({ command }) => command === 'sleep 4242')).toEqual([]);
    });

    it('has its image belong to the root of cells', () => {
      const root = ids ? SUBORDINATE : unprivileged.uid;
      const image = join(unprivileged.stateDir, 'images', 'alpine');
      expect(lstatSync(join(image, 'bin')).uid).toBe(root);
      const record = JSON.parse(readFileSync(`${image}.json`, 'utf8'));
      expect(record.owners).toEqual({ uid: root, gid: root, count: ids ? 65_536 : 1 });
    });

    it('accepts users that cells have, and says why it accepts no others', async () => {
      const answer = await server.ask(
        'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
        { input: { command: 'id', user: ids ? '65536' : '1000' } },
      );
      expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.user' });
      expect(answer.errors?.[0]?.message).toMatch(
        ids ? /ids from 0 to 65535/ : /root or 0, the only user of cells here .*usermod --add-subuids/,
      );
      const user = ids ? '1234:5' : 'root';
      expect((await run('id -u; id -g', { user })).stdout).toBe(ids ? '1234\n5\n' : '0\n0\n');
    });

    it('has no network but loopback, no capability, and devices that work', async () => {
      const { stdout } = await run(
        'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "; grep -c . /proc/net/route; grep CapEff /proc/self/status; echo x >/dev/null && head -c 4 /dev/zero | wc -c; echo again >/dev/stderr',
      );
      expect(stdout.split('\n').slice(0, 4)).toEqual(['lo', '1', 'CapEff:\t0000000000000000', '4']);
    });

    it('writes to a layer of its own, which the next job does not see', async () => {
      const first = await run('echo mine >/etc/motd; echo x >/new; rm /etc/passwd; ls /etc/passwd /new');
      expect(first.stdout).toBe('/new\n');
      expect((await run('cat /etc/motd; ls /etc/passwd /new')).stdout).not.toContain('mine');
    });

    it('reads the files of a job that has ended and kept its root', async () => {
      const { job } = await run('echo kept >/kept; rm /etc/motd', { keepRoot: true });
      const { data, errors } = await server.ask(
        `query ($id: ID!) { job(id: $id) { kept: files(path: "/kept") { file { uid } content { text } } passwd: files(path: "/etc/passwd") { content { text } } gone: files(path: "/etc/motd") { file { uid } } } }`,
        { id: job.id },
      );
      expect(data).toMatchObject({
        job: {
          kept: { file: { uid: 0 }, content: { text: 'kept\n' } },
          passwd: { content: { text: expect.stringContaining('root:') } },
          gone: null,
        },
      });
      expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['NOT_FOUND']);
    });

    it('replaces a folder of the image where tmpfs has user attributes (Linux 6.6), and otherwise fails with EIO', async () => {
      const { stdout, stderr } = await run(
        'rm -r /var/spool && mkdir /var/spool && ls -A /var/spool | wc -l',
      );
      if (tmpfsHasUserAttributes) expect(stdout).toBe('0\n');
      else expect(stderr).toMatch(/I\/O error/);
    });

    it('has no limits that need a cgroup: the defaults are null, and a job that asks is refused', async () => {
      const { job } = await run('true');
      expect(job.limits).toMatchObject({ cpus: null, memory: null, swap: null, pids: null });
      expect(job.limits['timeout']).toBe(3_600_000);
      const { server: info } = await server.query<{ server: { cgroup: unknown } }>(
        '{ server { cgroup { path controllers } } }',
      );
      expect(info.cgroup).toEqual({ path: null, controllers: [] });
      const answer = await server.ask(
        'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
        { input: { command: 'true', limits: { memory: '64Mi' } } },
      );
      expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'LIMIT_UNAVAILABLE' });
      expect(answer.errors?.[0]?.message).toContain('Delegate=yes');
    });

    it('enforces the limits that need none', async () => {
      expect((await run('sleep 60', { limits: { timeout: '300ms' } })).job.limitExceeded).toBe('TIME');
      const { stderr } = await run('dd if=/dev/zero of=/big bs=64k count=64', { limits: { disk: '1Mi' } });
      expect(stderr).toContain('No space left on device');
    });

    it('ends all that a job has started with the job', async () => {
      const { job } = await run('for i in 1 2 3; do (setsid sleep 4343 &); done; exit 3');
      expect(job.exitCode).toBe(3);
      expect(unprivileged.processes().filter(({ command }) => command === 'sleep 4343')).toEqual([]);
    });

    it('finds a job again after it was killed itself', async () => {
      const id = await server.submit({ command: 'echo begin; sleep 2; echo end' });
      for await (const _ of server.subscribe('subscription ($id: ID!) { logs(jobId: $id) { cursor } }', {
        id,
      }))
        break;
      await server.end('SIGKILL');
      await server.boot();
      expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
      expect((await server.output(id)).stdout).toBe('begin\nend\n');
    });
  });
};

describeUser('a server with the id of its user alone', '');

if (hasHelpers) describeUser('a server with subordinate ids', `NAME:${SUBORDINATE}:65536\n`);
else describe.skip('a server with subordinate ids (needs newuidmap: the package uidmap)', () => undefined);
