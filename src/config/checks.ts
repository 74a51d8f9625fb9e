/** Checks of settings against each other, and of variables that are not settings. */

import {
  ConfigError,
  clientSettings,
  type Environment,
  type LimitSettings,
  limitSetting,
  nearestOf,
  type ServeConfig,
  serveSettings,
} from './config.ts';
import { configSetting } from './file.ts';

/**
 * Refuses a default that no job could have. A default that was not set is lowered instead, so that a maximum can be
 * given alone.
 *
 * @throws ConfigError that names both settings
 */
export const checkDefaults = ({ defaultLimits, maxima, ceilings, queue, set }: ServeConfig): void => {
  for (const name of Object.keys(defaultLimits) as (keyof LimitSettings<number>)[]) {
    const value = defaultLimits[name];
    const given = set.get(limitSetting('default', name));
    if (given === undefined) continue;
    const bounds: readonly (readonly [string, number | null])[] = [
      [limitSetting('max', name), maxima[name]],
      [limitSetting('ceiling', name), name in ceilings ? ceilings[name as keyof typeof ceilings] : null],
      [limitSetting('capacity', name), name === 'memoryBytes' || name === 'cpus' ? queue[name] : null],
    ];
    for (const [bound, most] of bounds) {
      const other = set.get(bound);
      if (other !== undefined && most !== null && value > most)
        throw new ConfigError(
          `${given.by}: expected at most ${JSON.stringify(other.text)}, which ${other.by} allows, got ${JSON.stringify(given.text)}`,
        );
    }
  }
};

const PREFIX = 'CLOISTER_';

/**
 * A sentence for each variable that looks like a setting but is not: a misspelt variable would have no effect, and
 * nobody would notice.
 */
export const unknownVariables = (env: Environment): readonly string[] => {
  const known = [configSetting, ...Object.values(serveSettings), ...Object.values(clientSettings)].map(
    (setting) => setting.env,
  );
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.some((other) => other === name))
    .sort()
    .map((name) => {
      const nearest = nearestOf(name, known);
      return `${inert(name)}: there is no such setting and it has no effect; the nearest is ${nearest}`;
    });
};

/** The name of a variable may hold anything but "=" and NUL. */
const inert = (name: string): string => JSON.stringify(name).slice(1, -1);
