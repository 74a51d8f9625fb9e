/** The command `cloister config`: the settings of a server, and where each comes from. */

import {
  defaultText,
  type Environment,
  type Flags,
  type Machine,
  optionOf,
  parseServeConfig,
  serveSettings,
  thisMachine,
} from './config.ts';

/** One setting as it is in effect. */
export interface ShownSetting {
  /** The flag. */
  readonly name: string;
  /** The value as it would be typed; `null` for none, and for a secret. */
  readonly value: string | null;
  /** The flag, the variable, or the file and key; `default`. */
  readonly source: string;
}

/**
 * Every setting of the server.
 *
 * @throws ConfigError where a start of the server would
 */
export const effectiveSettings = (
  flags: Flags,
  env: Environment,
  machine: Machine = thisMachine(),
): readonly ShownSetting[] => {
  const { set } = parseServeConfig(flags, env, machine);
  return Object.entries(serveSettings).map(([name, setting]) => {
    const given = set.get(name);
    const text = given === undefined ? defaultText(setting, machine, env) : given.text;
    return {
      name: optionOf(setting),
      value: 'secret' in setting && setting.secret ? null : (text ?? null),
      source: given?.by ?? 'default',
    };
  });
};
