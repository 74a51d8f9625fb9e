/** Another server that is measured, as a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { prefer } from './priority.ts';

/** A server of this folder that prints its port. */
export class PeerServer {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param script a file of this folder */
  static async start(script: string, ...args: readonly string[]): Promise<PeerServer> {
    const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (data: Buffer) => resolve(Number(String(data))));
      child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
    });
    prefer(child.pid ?? -1);
    return new PeerServer(child, port);
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.kill('SIGTERM');
    await exited;
  }
}
