/** Programs of others that run a command in a sandbox, as contenders of the launch figure. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { prefer } from './priority.ts';

/** Runs a program to its end. @throws Error unless its exit code is 0 */
export const runProgram = (program: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} exited with ${code}: ${errors}`)),
    );
  });

/** The arguments with which bubblewrap gives a command what a cell has. */
export const bwrapArguments = (image: string): string[] => [
  '--unshare-all',
  ...['--ro-bind', image, '/'],
  ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
  '/bin/true',
];

/** The arguments with which nsjail does. */
export const nsjailArguments = (image: string): string[] => [
  ...['-Mo', '-q', '--chroot', image, '--tmpfsmount', '/tmp'],
  ...['--', '/bin/true'],
];

/** Makes a bundle for runc. @returns its folder */
export const runcBundle = (bench: Bench, runc: string): string => {
  const bundle = join(bench.folder, 'bundle');
  mkdirSync(bundle);
  spawnSync(runc, ['spec', '--bundle', bundle]);
  const config = {
    ociVersion: '1.0.0',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/true'],
      env: ['PATH=/bin'],
      cwd: '/',
      noNewPrivileges: true,
    },
    root: { path: bench.image, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
    ],
    linux: {
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
    },
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
  return bundle;
};

const GO_JUDGE_START_MS = 200;

/** A go-judge server, which runs each command in a container that it uses again. */
export class GoJudge {
  readonly #child: ChildProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start(program: string, port: number): Promise<GoJudge> {
    const child = spawn(program, ['-http-addr', `127.0.0.1:${port}`, '-silent'], { stdio: 'ignore' });
    const judge = new GoJudge(child, port);
    for (let tries = 0; ; tries++) {
      try {
        await judge.run();
        break;
      } catch (error) {
        if (tries === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, GO_JUDGE_START_MS));
      }
    }
    prefer(child.pid ?? -1);
    return judge;
  }

  /** Runs `true`. */
  run(): Promise<void> {
    const body = JSON.stringify({
      cmd: [
        {
          args: ['/bin/true'],
          env: ['PATH=/usr/bin:/bin'],
          files: [{ content: '' }, { name: 'stdout', max: 10_240 }, { name: 'stderr', max: 10_240 }],
          cpuLimit: 10_000_000_000,
          memoryLimit: 104_857_600,
          procLimit: 50,
        },
      ],
    });
    return new Promise((resolve, reject) => {
      const call = request(
        {
          port: this.#port,
          path: '/run',
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          answer.once('end', () =>
            text.includes('"Accepted"') ? resolve() : reject(new Error(`go-judge answered ${text}`)),
          );
        },
      );
      call.once('error', reject).end(body);
    });
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    const exited = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.kill('SIGTERM');
    await exited;
  }
}
