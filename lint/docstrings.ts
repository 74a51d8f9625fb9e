/**
 * Checks that what one file offers to others is described: `node lint/docstrings.ts`. Each exported function and class
 * has a docstring, and so has each public method of an exported class or interface. A class that implements an interface
 * is described there, and the methods of its own are few. No docstring is followed by another one, as when what it
 * described was moved.
 *
 * It reads lines, as `imports.ts` does and for the same reasons: Biome has formatted them, so that each declaration
 * begins one.
 */

import { globSync, readFileSync } from 'node:fs';

const MODIFIERS = '(?:(?:static|async|abstract|override|get|set) |\\*)*';
const METHOD = new RegExp(`^ {2}${MODIFIERS}(?!constructor\\b|private\\b|protected\\b)(\\w+)(?:<.*>)?\\(`);
const FUNCTION = /^export (?:default )?(?:async )?function\*? (\w+)/;
const CONSTANT = /^export const (\w+)\b/;
const CONTAINER = /^export (?:(?:declare|default|abstract) )*(class|interface) (\w+)/;

/** Whether the declaration of a constant at the beginning of a text is that of a function. */
const isFunction = (text: string): boolean => {
  const begin = /^export const \w+(?::[^=]+)? =\s+(?:async )?(?:<[^(]*>)?\(/.exec(text);
  if (begin === null) return false;
  let depth = 1;
  for (let at = begin[0].length; at < text.length; at++) {
    if (text[at] === '(') depth += 1;
    else if (text[at] === ')') depth -= 1;
    if (depth === 0) return /^(?:: | =>)/.test(text.slice(at + 1));
  }
  return false;
};

/** The declarations of a file that need a docstring, each with the number of its line, counted from 0. */
function* declarations(lines: readonly string[]): Generator<{ at: number; name: string }> {
  /** The exported class or interface that is being read, if its methods are described there. */
  let container: string | undefined;
  for (const [at, line] of lines.entries()) {
    if (line === '}') container = undefined;
    const [, kind, owner = ''] = CONTAINER.exec(line) ?? [];
    if (kind !== undefined) {
      const head = lines
        .slice(at, 1 + lines.findIndex((each, index) => index >= at && each.endsWith('{')))
        .join(' ');
      const isOpen = !line.endsWith('}');
      container = isOpen && !/\bimplements\b/.test(head) ? owner : undefined;
      if (kind === 'class') yield { at, name: owner };
      continue;
    }
    const method = container === undefined ? undefined : METHOD.exec(line)?.[1];
    if (method !== undefined) yield { at, name: `${container}.${method}` };
    const name = FUNCTION.exec(line)?.[1] ?? CONSTANT.exec(line)?.[1];
    if (name === undefined) continue;
    if (FUNCTION.test(line) || isFunction(lines.slice(at).join('\n'))) yield { at, name };
  }
}

let failed = false;
for (const file of globSync(['src/**/*.ts', 'rootfs/**/*.ts']).sort()) {
  if (file.includes('/generated/')) continue;
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const { at, name } of declarations(lines)) {
    if (lines[at - 1]?.endsWith('*/')) continue;
    process.stderr.write(`${file}:${at + 1}: expected a docstring of ${name}\n`);
    failed = true;
  }
  for (const [at, line] of lines.entries()) {
    // The comment on the file itself is followed by one.
    if (at < 2 || !/^\s*\/\*\*/.test(line) || !lines[at - 1]?.endsWith('*/')) continue;
    process.stderr.write(`${file}:${at}: expected a declaration after a docstring\n`);
    failed = true;
  }
}
if (failed) process.exitCode = 1;
