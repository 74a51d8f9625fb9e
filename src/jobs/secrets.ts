/** The secret variables of a job: taken out of what is stored of it, put back for its command. */

import type { EnvVar } from './job.ts';

/** An environment without the values of its secrets, and those values by name; `null`: there are none. */
export const withoutSecrets = (
  env: readonly EnvVar[],
): { readonly env: readonly EnvVar[]; readonly secrets: string | null } => {
  const secret = env.filter((variable) => variable.secret);
  if (secret.length === 0) return { env, secrets: null };
  return {
    env: env.map((variable) => (variable.secret ? { ...variable, value: '' } : variable)),
    secrets: JSON.stringify(secret.map(({ name, value }) => [name, value])),
  };
};

/** The environment that the command gets. */
export const withSecrets = (env: readonly EnvVar[], secrets: string): readonly EnvVar[] => {
  const values = new Map(JSON.parse(secrets) as readonly (readonly [string, string])[]);
  return env.map((variable) =>
    variable.secret ? { ...variable, value: values.get(variable.name) ?? '' } : variable,
  );
};

/** Whether an environment has a secret. */
export const hasSecrets = (env: readonly EnvVar[]): boolean => env.some(({ secret }) => secret);
