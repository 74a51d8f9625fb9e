/**
 * Checks that what one file offers to others is described: `node lint/docstrings.ts`. Each exported function, class,
 * interface and type has a docstring, and so has each public method of an exported class or interface. The type of a
 * value that lies above it (`(typeof VALUES)[number]`) is described there. A class that implements an interface
 * is described there, and the methods of its own are few. What throws an error that it makes says so with `@throws`; a
 * method of a class that implements an interface may leave that to the interface. No docstring is followed by another
 * one, as when what it described was moved. Each function that a header of the launcher declares has a comment.
 *
 * It reads lines, as `imports.ts` does and for the same reasons: Biome has formatted them, so that each declaration
 * begins one.
 */

import { globSync, readFileSync } from 'node:fs';

const MODIFIERS = '(?:(?:static|async|abstract|override|get|set) |\\*)*';
const METHOD = new RegExp(`^ {2}${MODIFIERS}(?!constructor\\b|private\\b|protected\\b)(\\w+)(?:<.*>)?\\(`);
const FUNCTION = /^export (?:default )?(?:async )?function\*? (\w+)/;
const TYPE = /^export (?:declare )?type (\w+)(?!.*= \(typeof )/;
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

/** What a file offers to others: a function, a class, an interface, a type, or a public method. */
interface Declaration {
  /** The number of its line, counted from 0. */
  readonly at: number;
  readonly name: string;
  /** It has no lines of its own that may throw: those of a class are in its methods. */
  readonly isType: boolean;
  readonly needsDocstring: boolean;
  /** The interfaces of the class that it is a method of. */
  readonly implemented: readonly string[];
}

/** The declarations of a file. */
function* declarations(lines: readonly string[]): Generator<Declaration> {
  /** The exported class or interface that is being read. */
  let container: { readonly name: string; readonly implemented: readonly string[] } | undefined;
  for (const [at, line] of lines.entries()) {
    if (line === '}') container = undefined;
    const [, kind, owner = ''] = CONTAINER.exec(line) ?? [];
    if (kind !== undefined) {
      const head = lines
        .slice(at, 1 + lines.findIndex((each, index) => index >= at && each.endsWith('{')))
        .join(' ');
      const implemented = /\bimplements (.*) \{/.exec(head)?.[1]?.match(/[A-Z]\w*/g) ?? [];
      container = line.endsWith('}') ? undefined : { name: owner, implemented };
      yield { at, name: owner, isType: true, needsDocstring: true, implemented: [] };
      continue;
    }
    const method = container === undefined ? undefined : METHOD.exec(line)?.[1];
    if (container !== undefined && method !== undefined) {
      const { name, implemented } = container;
      const needsDocstring = implemented.length === 0;
      yield { at, name: `${name}.${method}`, isType: false, needsDocstring, implemented };
    }
    const type = TYPE.exec(line)?.[1];
    if (type !== undefined) yield { at, name: type, isType: true, needsDocstring: true, implemented: [] };
    const name = FUNCTION.exec(line)?.[1] ?? CONSTANT.exec(line)?.[1];
    if (name === undefined) continue;
    if (FUNCTION.test(line) || isFunction(lines.slice(at).join('\n')))
      yield { at, name, isType: false, needsDocstring: true, implemented: [] };
  }
}

/** The docstring that ends right before a line, or nothing. */
const docstringBefore = (lines: readonly string[], at: number): string => {
  if (!lines[at - 1]?.endsWith('*/')) return '';
  const begin = lines.findLastIndex((line, index) => index < at && /^\s*\/\*\*/.test(line));
  return lines.slice(begin, at).join('\n');
};

/** The lines of a declaration: up to the next that is indented as it is and does not close a bracket. */
const textOf = (lines: readonly string[], at: number): string => {
  const indent = /^ */.exec(lines[at] ?? '')?.[0].length ?? 0;
  const next = new RegExp(`^ {0,${indent}}[^ )}\\]]|^ {0,${Math.max(0, indent - 1)}}\\}`);
  const end = lines.findIndex((line, index) => index > at && next.test(line));
  return lines.slice(at, end === -1 ? undefined : end).join('\n');
};

/** Throws an error that is made there, and not one that was caught. */
const THROWS = /\bthrow (?:new )?[\w.]+(?:<.*>)?\(|\bthrow [^;]*\?/;

const sources = globSync(['src/**/*.ts', 'rootfs/**/*.ts'])
  .filter((file) => !file.includes('/generated/'))
  .sort()
  .map((file) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    return { file, lines, declared: [...declarations(lines)] };
  });

/** Names of the declarations that say what they throw. A name of two interfaces stands for either. */
const saysThrows = new Set(
  sources.flatMap(({ lines, declared }) =>
    declared.filter(({ at }) => docstringBefore(lines, at).includes('@throws')).map(({ name }) => name),
  ),
);

const errors: string[] = [];
for (const { file, lines, declared } of sources) {
  for (const { at, name, isType, needsDocstring, implemented } of declared) {
    const docstring = docstringBefore(lines, at);
    if (needsDocstring && docstring === '') {
      errors.push(`${file}:${at + 1}: expected a docstring of ${name}`);
      continue;
    }
    if (isType || docstring.includes('@throws') || !THROWS.test(textOf(lines, at))) continue;
    const method = name.split('.').at(-1);
    if (implemented.some((owner) => saysThrows.has(`${owner}.${method}`))) continue;
    errors.push(`${file}:${at + 1}: expected @throws in the docstring of ${name}`);
  }
  for (const [at, line] of lines.entries()) {
    // The comment on the file itself is followed by one.
    if (at < 2 || !/^\s*\/\*\*/.test(line) || !lines[at - 1]?.endsWith('*/')) continue;
    errors.push(`${file}:${at}: expected a declaration after a docstring`);
  }
}
/** A declaration of a function: it begins a line, as clang-format leaves it. */
const PROTOTYPE =
  /^(?!typedef |static |return |else )(?:__attribute__\(\(.*?\)\) )?(?:[a-z]\w* \**)+(?<name>\w+)\(.*[,;]$/;

for (const file of globSync('src/runtime/launcher/*.h').sort()) {
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const [at, line] of lines.entries()) {
    const name = PROTOTYPE.exec(line)?.groups?.['name'];
    if (name !== undefined && !lines[at - 1]?.endsWith('*/'))
      errors.push(`${file}:${at + 1}: expected a comment on ${name}`);
  }
}
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exitCode = 1;
