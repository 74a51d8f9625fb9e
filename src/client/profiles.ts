/** Named servers that the command line stores: `config.toml` in the user's folder for settings. */

import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasErrno } from '../errno.ts';
import { CliError } from './errors.ts';

/** Where a server is, and how to sign in to it. */
export interface Profile {
  readonly url: string;
  readonly token?: string;
  /** Absolute paths of PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A profile with its name. */
export interface NamedProfile extends Profile {
  readonly name: string;
}

/** The content of the file. */
export interface Profiles {
  /** The name of the default profile. */
  readonly default?: string;
  readonly profiles: ReadonlyMap<string, Profile>;
}

const KEYS = ['url', 'token', 'ca', 'cert', 'key'] as const;

/** Names that are easy to type, and need no quotes in a shell. */
export const isProfileName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(name);

/**
 * Reads the profiles; a file that does not exist has none.
 *
 * @throws CliError that names the file and what is wrong with it, also when others can read the tokens in it
 */
export const readProfiles = async (path: string): Promise<Profiles> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return { profiles: new Map() };
    throw new CliError(error instanceof Error ? error.message : String(error));
  }
  const { parse, TomlError } = await import('smol-toml');
  let content: Record<string, unknown>;
  try {
    content = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new CliError(`${path}, line ${error.line}: ${error.message.split('\n')[0]}`);
  }
  const { default: chosen, profiles: tables = {}, ...unknown } = content;
  const [strange] = Object.keys(unknown);
  if (strange !== undefined) throw wrong(path, strange, '"default" and [profiles.NAME]', 'something else');
  const profiles = new Map(
    Object.entries(fieldsOf(path, 'profiles', tables)).map(([name, table]) => [
      name,
      profileOf(path, name, table),
    ]),
  );
  if (chosen !== undefined && (typeof chosen !== 'string' || !profiles.has(chosen)))
    throw wrong(path, 'default', 'the name of a profile', JSON.stringify(chosen));
  if ([...profiles.values()].some(({ token }) => token !== undefined)) await checkMode(path);
  return { ...(typeof chosen === 'string' && { default: chosen }), profiles };
};

const profileOf = (path: string, name: string, table: unknown): Profile => {
  const at = `profiles.${name}`;
  const fields = fieldsOf(path, at, table);
  for (const [key, value] of Object.entries(fields)) {
    if (!KEYS.some((known) => known === key))
      throw wrong(path, `${at}.${key}`, `one of ${KEYS.join(', ')}`, 'something else');
    if (typeof value !== 'string') throw wrong(path, `${at}.${key}`, 'a text', JSON.stringify(value));
  }
  const { url, ...rest } = fields as Record<string, string>;
  if (url === undefined || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw wrong(path, `${at}.url`, 'an http or https URL', JSON.stringify(url));
  return { url, ...rest };
};

const fieldsOf = (path: string, name: string, value: unknown): Record<string, unknown> => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw wrong(path, name, 'a table', JSON.stringify(value));
};

const wrong = (path: string, field: string, expected: string, got: string | undefined): CliError =>
  new CliError(`${path}: ${field}: expected ${expected}, got ${got ?? 'nothing'}`);

const checkMode = async (path: string): Promise<void> => {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new CliError(
      `${path} holds tokens, and others may read it (mode ${(mode & 0o777).toString(8)}): "chmod 600" it, and replace the tokens if somebody has`,
    );
};

/** Replaces the file: readers find the old one or the new one, whole, and only its owner can read it. */
export const writeProfiles = async (path: string, { default: chosen, profiles }: Profiles): Promise<void> => {
  const { stringify } = await import('smol-toml');
  const content = {
    ...(chosen !== undefined && { default: chosen }),
    profiles: Object.fromEntries(profiles),
  };
  const text = `# Servers of the command line "cloister": written by "cloister login".\n${stringify(content)}\n`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.new`;
  await rm(aside, { force: true });
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
};

/**
 * The profile with a name, or the default one.
 *
 * @throws CliError when there is none with that name
 */
export const profileNamed = async (
  path: string,
  name: string | undefined,
): Promise<NamedProfile | undefined> => {
  const { default: chosen, profiles } = await readProfiles(path);
  const wanted = name ?? chosen;
  if (wanted === undefined) return undefined;
  const profile = profiles.get(wanted);
  if (profile !== undefined) return { ...profile, name: wanted };
  const known = [...profiles.keys()].join(', ') || 'none: "cloister login" makes one';
  throw new CliError(`--profile: expected one of ${known}; got ${JSON.stringify(name)}`);
};
