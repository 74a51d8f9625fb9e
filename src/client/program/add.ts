/** What the declarations of commands share. */

import type { Command } from 'commander';
import { type ClientConfig, type Flags, parseClientConfig } from '../../config/config.ts';

/**
 * Adds a command that talks to a server, with the flags that say where it is.
 *
 * @param examples command lines for the help, without the name of the program
 */
export type Add = (name: string, description: string, examples: readonly string[]) => Command;

/** Where the server is, from flags and environment. */
export const config = (flags: Flags): ClientConfig => parseClientConfig(flags, process.env);

/** Collects the values of a flag that may be repeated. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

/** What the argument of a command that names a job takes. */
export const JOB = 'id of the job, the beginning of one, its name, or @last for the newest';
