/** The packages that the test machine is made of. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { LaneError, say } from './errors.ts';

const run = promisify(execFile);

/** Whether a program of that name is in the PATH. */
export const isProgram = async (name: string): Promise<boolean> =>
  run('/bin/sh', ['-c', 'command -v "$1"', 'sh', name]).then(
    () => true,
    () => false,
  );

/**
 * Installs a package of Debian or Ubuntu.
 *
 * @throws LaneError that names the package, where it cannot be installed from here
 */
export const install = async (name: string): Promise<void> => {
  if (process.getuid?.() !== 0 || !(await isProgram('apt-get'))) {
    throw new LaneError(
      `The package ${name} is missing (named as in Debian and Ubuntu). ` +
        `Install it, for instance as root: apt-get install --no-install-recommends ${name}`,
    );
  }
  say(`installing the package ${name}`);
  await fresh(() => apt(['install', '--yes', '--no-install-recommends', name]), `install ${name}`);
};

/**
 * Puts packages as files into a folder, without installing them.
 *
 * @throws LaneError with the output of apt-get
 */
export const download = async (names: readonly string[], folder: string): Promise<void> => {
  say(`downloading ${names.join(', ')}`);
  await fresh(() => apt(['download', ...names], folder), `download ${names.join(', ')}`);
};

/**
 * Looks a package up.
 *
 * @returns the names of the packages it depends on (of alternatives the first); undefined when there is no such
 *   package
 */
export const dependenciesOf = async (name: string): Promise<string[] | undefined> => {
  const shown = await run('apt-cache', ['show', '--no-all-versions', name]).catch(() => undefined);
  if (shown === undefined || !shown.stdout.includes('Package: ')) return undefined;
  const line = /^Depends: (.*)$/m.exec(shown.stdout)?.[1] ?? '';
  return line.split(/,\s*/).map((dependency) => dependency.replace(/[ :(|].*/s, ''));
};

/** Updates the lists of packages, if that is allowed. */
export const updateLists = async (): Promise<void> => {
  if (process.getuid?.() === 0) await apt(['update']);
};

// What the lists name may have left the mirror since they were made.
const fresh = async (action: () => Promise<void>, what: string): Promise<void> => {
  try {
    await action().catch(async () => {
      await updateLists();
      await action();
    });
  } catch (error) {
    throw new LaneError(`Cannot ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const apt = async (parameters: readonly string[], cwd = '/'): Promise<void> => {
  const child = spawn('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...parameters], {
    cwd,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(output.trim() || `apt-get ${parameters.join(' ')} ended with code ${code}`);
};
