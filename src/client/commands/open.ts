/** The command `cloister open`. */

import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ClientConfig } from '../../config/config.ts';
import { connect, tokenOf } from '../connection.ts';
import { CliError } from '../errors.ts';
import { print } from '../output.ts';

/**
 * `cloister open`: opens GraphiQL in the browser, signed in. The link contains the token, and every user of the machine
 * can read the arguments of a program, so the browser is given a file that only its owner may read and that redirects.
 *
 * @throws CliError when there is no program to open it with and stdout is no terminal
 */
export const open = async (config: ClientConfig): Promise<void> => {
  // A browser cannot connect to a Unix socket.
  const found = await connect(config);
  const connection = found.socketPath === undefined ? found : await connect({ ...config, urlGiven: true });
  await connection.verifyServer?.();
  const token = await tokenOf(connection);
  const link = token === undefined ? connection.url.href : `${connection.url.href}#token=${token}`;
  const folder = join(cacheFolder(), 'cloister');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'open.html');
  // An existing file would keep its mode.
  await rm(file, { force: true });
  await writeFile(file, page(link), { mode: 0o600, flag: 'wx' });
  if (await opened(file)) return;
  if (!process.stdout.isTTY) throw new CliError(`no program to open a browser was found; open ${file}`);
  await print(link);
};

const cacheFolder = (): string => {
  const runtime = process.env['XDG_RUNTIME_DIR'] ?? '';
  return isAbsolute(runtime) ? runtime : join(homedir(), '.cache');
};

/** A page that redirects to a link, which is written as JSON without `<`. */
const page = (link: string): string =>
  `<!doctype html><meta charset="utf-8"><title>Cloister</title><script>location.replace(${JSON.stringify(link).replaceAll('<', '\\u003c')})</script>\n`;

/** Whether the program accepted the file. */
const opened = (file: string): Promise<boolean> =>
  new Promise((resolve) => {
    const opener = process.env['BROWSER'] || 'xdg-open';
    const child = spawn(opener, [pathToFileURL(file).href], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
