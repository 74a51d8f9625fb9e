import { readFile } from 'node:fs/promises';
import type { ClientConfig } from '../config/config.ts';

/** Where the server is and how to sign in to it. */
export interface Connection {
  readonly url: URL;
  readonly token: string | undefined;
  /** Said when the server does not accept us: where the token came from, or where none was found. */
  readonly tokenNote: string;
  /** Milliseconds to wait before each further attempt to get a lost stream back. */
  readonly retryDelays: readonly number[];
}

/** About a minute: time for a server to restart. */
const RETRY_DELAYS = [100, 200, 400, 800, 1600, 3000, ...Array.from({ length: 11 }, () => 5000)];

/**
 * Finds the token: the one that was given, else the first file that holds one.
 * That none is found is no error here: the server says whether it wants one.
 */
export const connect = async (config: ClientConfig): Promise<Connection> => {
  const { url, retryDelays } = { url: config.url, retryDelays: RETRY_DELAYS };
  if (config.token !== undefined) {
    return { url, retryDelays, token: config.token, tokenNote: 'the server does not accept the token given' };
  }
  const tried: string[] = [];
  for (const file of config.tokenFiles) {
    try {
      const token = (await readFile(file, 'utf8')).trim();
      return { url, retryDelays, token, tokenNote: `the server does not accept the token of ${file}` };
    } catch (error) {
      tried.push(`${file}: ${reason(error)}`);
    }
  }
  const note = tried.length === 0 ? '' : ` (looked in ${tried.join('; ')})`;
  return {
    url,
    retryDelays,
    token: undefined,
    tokenNote: `no token: give one with CLOISTER_TOKEN or --token${note}`,
  };
};

const reason = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  return error instanceof Error ? error.message : String(error);
};
