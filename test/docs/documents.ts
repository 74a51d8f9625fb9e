/** The Markdown documents of the project, and what tests look for in them. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..', '..');

/** Paths from the project's folder. */
export const DOCUMENTS: readonly string[] = globSync(
  ['*.md', 'docs/**/*.md', 'test/**/*.md', '.github/**/*.md'],
  {
    cwd: PROJECT,
  },
).toSorted();

export const readDocument = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

/**
 * The rows of a table without its heading, each as the text of its cells.
 *
 * @param first the heading of its first column, or `| one | other` of several when the first has none
 */
export const tableOf = (path: string, first: string): readonly (readonly string[])[] => {
  const lines = readDocument(path).split('\n');
  const start =
    lines.findIndex((line) => line.startsWith(first.startsWith('|') ? first : `| ${first} |`)) + 2;
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

/** A fenced block of code. */
export interface CodeBlock {
  /** Of its first line, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** The HTML comment on the line before it, without its marks; empty when there is none. */
  readonly note: string;
  readonly text: string;
}

/** @param text of a document; blocks may be indented, as in lists */
export const codeBlocks = (text: string): readonly CodeBlock[] => {
  const pattern =
    /^(?<indent> *)(?:<!-- (?<note>.*) -->\n *)?```(?<language>\w*)\n(?<text>[\s\S]*?)^ *```$/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const { indent = '', note = '', language = '', text: code = '' } = match.groups ?? {};
    return {
      line: text.slice(0, match.index).split('\n').length,
      language,
      note,
      text: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    };
  });
};
