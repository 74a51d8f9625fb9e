/** What programs in a job see of their surroundings. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOCKS_START_S } from '../../src/runtime/clocks.ts';
import { inspectIn } from '../support/inspect.ts';
import { TestServer } from '../support/server.ts';

/*
 * What programs in a job find of their surroundings is what they would find in a container of Docker. Jobs are those of
 * a real server: what it is started with, its umask for one, has a part in it.
 */

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** Standard output and standard error of a line of shell. */
const sh = async (command: string, input: Record<string, unknown> = {}): Promise<[string, string]> => {
  const { id } = await server.run({ ...input, command });
  const { stdout, stderr } = await server.output(id);
  return [stdout, stderr];
};

describe('the cgroup of a job', () => {
  it('can be read, by each of its users', async () => {
    // Some files, such as cgroup.kill, are for writing only.
    const read =
      'ls /sys/fs/cgroup | grep -c procs; find /sys/fs/cgroup -type f -perm -004 -exec cat {} + >/dev/null';
    expect(await sh(read)).toEqual(['1\n', '']);
    expect(await sh(read, { user: '1000' })).toEqual(['1\n', '']);
  });

  it('cannot be written', async () => {
    const write = 'for f in /sys/fs/cgroup/*; do true 2>/dev/null >>$f && echo $f; done; echo none';
    expect(await sh(write, { capabilities: 'ROOT_IN_CELL' })).toEqual(['none\n', '']);
  });
});

describe('the root of a job', () => {
  it('is one device with inodes that are always the same', async () => {
    const { stdout, stderr } = await inspectIn(
      server,
      `/tmp/inspect entries /etc; touch /etc/new; echo >>/etc/passwd; /tmp/inspect entries /etc;
       before=$(stat -c %i /etc/group); echo >>/etc/group; [ $before = $(stat -c %i /etc/group) ] && echo same`,
    );
    const one = 'entries with other inode 0, on other device 0\n';
    expect([stdout, stderr]).toEqual([`${one}${one}same\n`, '']);
  });
});

describe('standard streams', () => {
  it('can be opened by name after root has become another user', async () => {
    const lines = 'echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin';
    const { id } = await server.run({
      command: `su nobody -s /bin/sh -c '${lines}'`,
      capabilities: 'ROOT_IN_CELL',
      stdin: 'in\n',
    });
    expect(await server.output(id)).toEqual({ stdout: 'out\nin\n', stderr: 'err\n' });
  });
});

describe('names', () => {
  const ASK = '/tmp/inspect names; cat /etc/hostname; hostname -f; hostname -s';

  it.each([
    ['web', 'web'],
    ['web.example.com', 'web'],
  ])('of a job that is called %s are found by glibc and musl', async (hostname, short) => {
    const { stdout, stderr } = await inspectIn(server, ASK, { hostname });
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toEqual([
      `hostname ${hostname}`,
      `canonical ${hostname}`,
      `reverse ${hostname}`,
      `short ${hostname}`,
      hostname,
      hostname,
      short,
    ]);
    // musl's reverse look-up, by way of BusyBox.
    const [answer] = await sh(`getent hosts ${short}; getent hosts 127.0.0.1`, { hostname });
    expect(answer).toMatch(new RegExp(`^127\\.0\\.1\\.1 +${hostname.replaceAll('.', '\\.')}( |\\n)`));
    expect(answer).toMatch(/^127\.0\.0\.1 +localhost/m);
  });
});

describe('files of a process in /proc', () => {
  it('can be written by it', async () => {
    const { stdout, stderr } = await inspectIn(
      server,
      `cd /proc/$$ && printf shell >comm && cat comm; echo 500 >oom_score_adj && cat oom_score_adj
       echo 0x21 >coredump_filter && cat coredump_filter; /tmp/inspect threads`,
    );
    expect([stdout, stderr]).toEqual(['shell\n500\n00000021\nworker\n', '']);
  });

  it('cannot protect it when memory runs out', async () => {
    const [stdout] = await sh('echo 500 >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj');
    expect(stdout).toBe('500\n');
    const [, stderr] = await sh('echo -1 >/proc/$$/oom_score_adj');
    expect(stderr).toMatch(/Permission denied|I\/O error/);
  });

  it('are all that can be written there', async () => {
    const [stdout, stderr] = await sh(
      'cd /proc; for f in sys/kernel/hostname sys/vm/drop_caches sysrq-trigger sys/user/max_user_namespaces; do ' +
        '[ ! -e $f ] || echo 1 >$f; done',
      { capabilities: 'ROOT_IN_CELL' },
    );
    expect(stdout).toBe('');
    // Masked files are /dev/null.
    expect(stderr.trim().split('\n')).toHaveLength(3);
  });
});

describe('the clocks of a job', () => {
  it('start at some hours, since 0 means never to many programs', async () => {
    const [stdout] = await sh('cut -d . -f 1 /proc/uptime');
    expect(Number(stdout) - CLOCKS_START_S).toBeGreaterThanOrEqual(0);
    expect(Number(stdout) - CLOCKS_START_S).toBeLessThan(60);
  });
});
