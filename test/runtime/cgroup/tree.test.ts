/** The tree of cgroups of a server. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { openCgroups } from '../../../src/runtime/cgroup/tree.ts';
import { disposers } from '../../support/disposers.ts';
import { cgroup, describeCgroups, files, folder, itWithControllers, pids, sleeper } from './fixture.ts';

const onEnd = disposers();
const OPENER = join(import.meta.dirname, 'opener.ts');

interface Opened {
  readonly path: string;
  readonly server: string;
  readonly supervisors: string;
  readonly jobs: string;
  readonly controllers: readonly string[];
  readonly obstacles: Readonly<Record<string, { readonly reason: string }>>;
  readonly own: string;
  readonly paths: readonly string[];
}

class Server {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts a process that opens cgroups, in the cgroup `inside`; `prepare` is a shell command that comes first. */
  static start(options: object, inside?: string, prepare = 'exec "$@"', ids: readonly string[] = []): Server {
    const enter = inside === undefined ? '' : `echo $$ > '${inside}/cgroup.procs' && `;
    const command = [process.execPath, OPENER, JSON.stringify(options), JSON.stringify(ids)];
    const child = spawn('sh', ['-c', enter + prepare, 'sh', ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    onEnd(() => {
      child.kill('SIGKILL');
      return exited;
    });
    return new Server(child);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  opened(): Promise<Opened> {
    return this.#next();
  }

  async close(): Promise<string> {
    this.#child.stdin?.end();
    const { own } = await this.#next<{ own: string }>();
    return own;
  }

  async #next<Reported>(): Promise<Reported> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the process ended');
    return JSON.parse(value);
  }
}

describeCgroups('openCgroups', () => {
  it('makes the tree in the cgroup it is given, and moves the server to its leaf', async () => {
    const root = cgroup(onEnd);
    const server = Server.start({ root, stateDir: folder(onEnd) });
    const opened = await server.opened();
    expect(opened.path).toMatch(new RegExp(`^${root}/cloister-[0-9a-f]{8}$`));
    expect(opened.server).toBe(join(opened.path, 'server'));
    expect(opened.supervisors).toBe(join(opened.path, 'supervisors'));
    expect(opened.jobs).toBe(join(opened.path, 'jobs'));
    expect(pids(opened.server)).toEqual([server.pid]);
    expect([opened.supervisors, opened.jobs].flatMap(pids)).toEqual([]);
  });

  it('has the controllers that are enabled for jobs, and a reason for each of the others', async () => {
    const { jobs, controllers, obstacles } = await Server.start({
      root: cgroup(onEnd),
      stateDir: folder(onEnd),
    }).opened();
    const enabled = readFileSync(join(jobs, 'cgroup.subtree_control'), 'utf8').split(/\s+/);
    expect(controllers).toEqual(
      ['cpu', 'memory', 'pids', 'io', 'cpuset'].filter((name) => enabled.includes(name)),
    );
    expect(Object.keys(obstacles).length + controllers.length).toBe(5);
    for (const [name, { reason }] of Object.entries(obstacles)) expect(reason).toContain(`"${name}"`);
  });

  it('leaves nothing behind when it is closed, and moves back to where it came from', async () => {
    const [home, root] = [cgroup(onEnd), cgroup(onEnd)];
    const server = Server.start({ root: join(root, 'not', 'there'), stateDir: folder(onEnd) }, home);
    const { path, own } = await server.opened();
    expect(basename(own)).toBe('server');
    expect(path.startsWith(join(root, 'not', 'there'))).toBe(true);
    expect(basename(await server.close())).toBe(basename(home));
    expect(existsSync(join(root, 'not'))).toBe(false);
    expect(existsSync(root)).toBe(true);
  });

  it('leaves supervisors and jobs that live, and the next start finds them', async () => {
    const options = { root: cgroup(onEnd), stateDir: folder(onEnd) };
    const first = Server.start(options);
    const { jobs, server, supervisors, path } = await first.opened();
    const job = join(jobs, 'job');
    mkdirSync(job);
    const [supervisor, command] = [await sleeper(onEnd, supervisors), await sleeper(onEnd, job)];
    await first.close();
    expect(existsSync(server)).toBe(false);
    expect([pids(supervisors), pids(job)]).toEqual([[supervisor.pid], [command.pid]]);
    expect(await Server.start(options).opened()).toMatchObject({ path, jobs });
    expect(pids(job)).toEqual([command.pid]);
  });

  it('starts again after it was killed', async () => {
    const options = { root: cgroup(onEnd), stateDir: folder(onEnd) };
    const first = Server.start(options);
    const { path } = await first.opened();
    process.kill(first.pid, 'SIGKILL');
    const second = Server.start(options);
    expect((await second.opened()).path).toBe(path);
    await second.close();
    expect(existsSync(path)).toBe(false);
  });

  it('keeps servers with different state folders apart', async () => {
    const root = cgroup(onEnd);
    const servers = [folder(onEnd), folder(onEnd)].map((stateDir) => Server.start({ root, stateDir }));
    const paths = await Promise.all(servers.map(async (server) => (await server.opened()).path));
    expect(new Set(paths).size).toBe(2);
    await Promise.all(servers.map((server) => server.close()));
    expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
  });

  it('never touches the processes of a given cgroup that is not its own', async () => {
    const root = cgroup(onEnd);
    const other = await sleeper(onEnd, root);
    await Server.start({ root, stateDir: folder(onEnd) }).opened();
    expect(pids(root)).toEqual([other.pid]);
  });

  it('goes below a container with a cgroup namespace of its own', async () => {
    const [container, mount] = [cgroup(onEnd), folder(onEnd)];
    const mountOwn = `mount -t cgroup2 cgroup2 '${mount}' && exec "$@"`;
    const inside = `exec unshare --mount --cgroup sh -c "${mountOwn.replaceAll(/["$]/g, '\\$&')}" sh "$@"`;
    const server = Server.start({ stateDir: folder(onEnd) }, container, inside);
    const { path } = await server.opened();
    expect(path.startsWith(join(mount, 'cloister-'))).toBe(true);
    expect(pids(join(container, basename(path), 'server'))).toEqual([server.pid]);
    await server.close();
    expect(existsSync(join(container, basename(path)))).toBe(false);
  });

  itWithControllers(
    'moves other processes in the cgroup of the server out of the way of controllers',
    async () => {
      const root = cgroup(onEnd);
      const neighbour = await sleeper(onEnd, root);
      const server = Server.start({ root, stateDir: folder(onEnd) }, root);
      const { controllers, jobs, server: own } = await server.opened();
      expect(controllers).toEqual(expect.arrayContaining(['cpu', 'memory', 'pids']));
      expect(existsSync(join(jobs, 'memory.max'))).toBe(true);
      expect([pids(root), pids(own)]).toEqual([[], [server.pid]]);
      expect(pids(join(root, 'cloister-others'))).toEqual([neighbour.pid]);
      expect(await server.close()).toBe(`/${basename(root)}/cloister-others`);
    },
  );

  itWithControllers('does without controllers where the processes of others are in their way', async () => {
    const root = cgroup(onEnd);
    const other = await sleeper(onEnd, root);
    const { controllers, obstacles } = await Server.start({ root, stateDir: folder(onEnd) }).opened();
    expect(controllers).not.toContain('memory');
    expect(obstacles['memory']?.reason).toBe(
      `the cgroup controller "memory" cannot be enabled in ${root}, where processes live`,
    );
    expect(pids(root)).toEqual([other.pid]);
  });

  it('names the cgroups of jobs, and refuses ids that lead elsewhere or could be files', async () => {
    const good = '0197f0e2-7c1a-7b3e-8f00-0123456789ab';
    const bad = ['..', '', 'a/b', 'cpu.max', 'cgroup.procs', '-a', 'a\nb', 'a\n'];
    const { jobs, paths } = await Server.start(
      { root: cgroup(onEnd), stateDir: folder(onEnd) },
      undefined,
      undefined,
      [good, ...bad],
    ).opened();
    expect(paths[0]).toBe(join(jobs, good));
    for (const [index, id] of bad.entries()) {
      const message = `job id: expected letters, digits and hyphens, got ${JSON.stringify(id)}`;
      expect(paths[index + 1]).toBe(`RangeError: ${message}`);
    }
  });
});

describe('openCgroups without cgroup v2', () => {
  it('refuses with the remedy', async () => {
    const proc = files(onEnd, { 'self/mountinfo': '', 'self/cgroup': '' });
    await expect(openCgroups({ proc, stateDir: proc })).rejects.toThrow('cgroup v2 is not mounted');
  });
});
