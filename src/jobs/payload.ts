/** How large commands and environments are. */

import { byteLengthOfText, isUnicode } from '../byte-text.ts';
import type { Command, EnvVar, InputFile } from './job.ts';

/** Bytes of the texts of a command. */
export const commandBytes = (command: Command): number => {
  let bytes = 0;
  for (const text of textsOf(command)) bytes += byteLengthOfText(text);
  return bytes;
};

/** The command line, or each argument. */
export const textsOf = (command: Command): readonly string[] =>
  command.kind === 'argv' ? command.argv : [command.line];

/** Whether all of a command is UTF-8. */
export const isTextCommand = (command: Command): boolean => textsOf(command).every(isUnicode);

/** Bytes of the names and values of an environment. */
export const envBytes = (env: readonly EnvVar[]): number => {
  let bytes = 0;
  for (const { name, value } of env) bytes += byteLengthOfText(name) + byteLengthOfText(value);
  return bytes;
};

/** Bytes of the files that came with a job. */
export const inlineBytes = (files: readonly InputFile[]): number => {
  let bytes = 0;
  for (const { inline, sizeBytes } of files) if (inline) bytes += sizeBytes;
  return bytes;
};
