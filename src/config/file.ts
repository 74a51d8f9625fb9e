/** The configuration file: settings of the server in TOML. */

import { readFileSync, statSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import {
  ConfigError,
  type Environment,
  type Flags,
  fromFile,
  type Named,
  nearestOf,
  optionOf,
  serveSettings,
} from './config.ts';

/** The setting of its path, which cannot be in the file itself. */
export const configSetting = {
  flag: '--config <file>',
  env: 'CLOISTER_CONFIG',
  help: 'file with settings, in TOML; flags and variables win over it',
  expected: 'a file',
  parse: (text) => text || undefined,
  shown: '/etc/cloister/cloister.toml, if it is there',
} as const satisfies Named<string>;

const STANDARD_PATH = '/etc/cloister/cloister.toml';
/** The mode bits with which the group or others may write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * An environment with the settings of the configuration file: a variable wins over the file. A key of the file is the
 * name of a flag without its dashes.
 *
 * @param standard the file that is read if it exists and no other is named
 * @throws ConfigError that names the file, and the key at fault with the nearest one that exists
 */
export const withConfigFile = (flags: Flags, env: Environment, standard = STANDARD_PATH): Environment => {
  const named = flags['config'] ?? (env[configSetting.env] || undefined);
  const path = typeof named === 'string' ? named : standard;
  const text = readConfig(path, named !== undefined);
  if (text === undefined) return env;
  const settings = new Map<string, Named<unknown>>(
    Object.values(serveSettings).map((setting) => [optionOf(setting).slice(2), setting]),
  );
  const values = new Map<string, { readonly by: string; readonly text: string }>();
  for (const [key, value] of Object.entries(parsed(path, text))) {
    const setting = settings.get(key);
    if (setting === undefined)
      throw new ConfigError(
        `${path}: there is no setting ${JSON.stringify(key)}; the nearest is ${nearestOf(key, [...settings.keys()])}`,
      );
    values.set(setting.env, { by: `${path}: ${key}`, text: textOf(`${path}: ${key}`, value) });
  }
  return fromFile(env, values);
};

const readConfig = (path: string, isNamed: boolean): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    if (isNamed)
      throw new ConfigError(`${path}: there is no such file, which --config or CLOISTER_CONFIG names`);
    return undefined;
  }
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0)
    throw new ConfigError(
      `${path}: others than its owner may write it, and so decide what the server does: chmod go-w ${path}`,
    );
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const parsed = (path: string, text: string): Readonly<Record<string, unknown>> => {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ''] = error.message.split('\n');
    throw new ConfigError(`${path}, line ${error.line}: expected TOML: ${first}`);
  }
};

/** A value as it would be typed: a list is separated by commas. */
const textOf = (by: string, value: unknown): string => {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',');
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value);
  throw new ConfigError(`${by}: expected text, a number, true, false, or a list of texts`);
};
