/** Prints the findings of `cloister doctor`. */

import { print, printJson } from './output.ts';

/** One finding of `cloister doctor`. */
export interface Check {
  readonly name: string;
  readonly status: 'PASS' | 'FAIL' | 'WARN';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/**
 * Prints the findings, one per line, each followed by its remedy if it has one.
 *
 * @returns the exit code: 1 when any of them is FAIL
 */
export const printChecks = async (checks: readonly Check[], json: boolean): Promise<number> => {
  await (json ? printJson(checks) : print(checks.map(checkLines).join('\n')));
  return checks.some(({ status }) => status === 'FAIL') ? 1 : 0;
};

/** A finding as text: a line, and below it the remedy, indented, unless it is PASS. */
export const checkLines = ({ name, status, detail, remedy }: Check): string => {
  const line = `${status}  ${name}: ${detail}`;
  return remedy === undefined || status === 'PASS'
    ? line
    : `${line}\n      ${remedy.replaceAll('\n', '\n      ')}`;
};
