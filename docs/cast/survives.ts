/** The session that the README shows: the server is killed under a running job, and the job's log continues. */

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Recorder, type Terminal } from './session.ts';

const CLOISTER = join(import.meta.dirname, '..', '..', 'bin', 'cloister');
const COUNTER = `bin/cloister run 'i=0; while sleep 0.4; do i=$((i+1)); echo "tick $i"; done'`;
const SERVE = 'bin/cloister serve >>server.log 2>&1 &';
const TICK = /^tick \d+$/;

export interface SurvivesOptions {
  /** Fills the empty state folder, such as with images that need not be unpacked again. */
  readonly prepare?: (stateDir: string) => void;
  /** Settings of `cloister serve`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Lines that the counter writes before, during and after the absence of the server, at least. */
  readonly ticks: number;
}

/**
 * Records the session with real processes, in a folder of its own.
 *
 * @returns the terminals, from top to bottom
 * @throws Error when the server does not start; the message is what it logged
 */
export const recordSurvives = async ({ prepare, env, ticks }: SurvivesOptions): Promise<Terminal[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-cast-'));
  const stateDir = join(folder, 'state');
  try {
    mkdirSync(join(folder, 'bin'));
    symlinkSync(CLOISTER, join(folder, 'bin', 'cloister'));
    mkdirSync(stateDir, { mode: 0o700 });
    prepare?.(stateDir);
    const port = await freePort();
    return await record(folder, stateDir, ticks, {
      ...process.env,
      ...env,
      CLOISTER_LISTEN: `127.0.0.1:${port}`,
      CLOISTER_URL: `http://127.0.0.1:${port}/graphql`,
      CLOISTER_STATE_DIR: stateDir,
      // Ends the job also when the recording fails while there is no server.
      CLOISTER_DEFAULT_TIMEOUT: '2m',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const record = async (
  folder: string,
  stateDir: string,
  ticks: number,
  env: NodeJS.ProcessEnv,
): Promise<Terminal[]> => {
  const began = performance.now();
  const client = new Recorder('a client', began, folder, env);
  const operator = new Recorder('the server', began, folder, env);
  const log = join(folder, 'server.log');
  const starts = (): number => readIfThere(log).split('listens on').length - 1;
  const serve = async (): Promise<void> => {
    const before = starts();
    await operator.run(SERVE);
    await watched(folder, () => {
      if (readIfThere(log).includes('cloister: ')) throw new Error(readIfThere(log));
      return starts() > before;
    });
  };
  try {
    await serve();
    client.type(COUNTER);
    await client.until(() => client.count(TICK) >= ticks);
    await operator.run('kill -9 $!; wait $!');
    await outlive(stateDir, ticks);
    await serve();
    await client.until(() => client.count(TICK) >= 3 * ticks);
    await operator.run('bin/cloister status @last | head -4');
    return [client, operator].map(({ title, lines }) => ({ title, lines: [...lines] }));
  } finally {
    // As Ctrl-C: it stops the job, where the server can be reached.
    client.signal('SIGINT');
    await client.close();
    await operator.run('kill $!; wait');
    await operator.close();
  }
};

/** Settles when the log of the only job has grown by `ticks` lines: nobody reads it, its supervisor writes it. */
const outlive = async (stateDir: string, ticks: number): Promise<void> => {
  const [id = ''] = readdirSync(join(stateDir, 'jobs'));
  const folder = join(stateDir, 'jobs', id);
  const lines = (): number => readFileSync(join(folder, 'log'), 'latin1').split('tick').length;
  const before = lines();
  await watched(folder, () => lines() >= before + ticks);
};

/** Settles when `condition` holds, which is asked again whenever a file in `folder` changes. */
const watched = async (folder: string, condition: () => boolean): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = (): void => {
    try {
      if (condition()) resolve();
    } catch (error) {
      reject(error);
    }
  };
  const watcher = watch(folder, check);
  try {
    check();
    await promise;
  } finally {
    watcher.close();
  }
};

const readIfThere = (path: string): string =>
  statSync(path, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(path, 'utf8');

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
};
