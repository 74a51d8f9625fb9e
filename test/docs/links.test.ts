/** What documents refer to is there. */

import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, PROJECT, readDocument } from './documents.ts';

/** The anchor that GitHub gives a heading. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchors = (path: string): readonly string[] =>
  [...readDocument(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchor(heading));

/** Links to files of the project and to headings, from the project's folder. */
const links = (path: string): readonly { readonly file: string; readonly heading: string }[] =>
  [...readDocument(path).matchAll(/\]\((?!\w+:)([^)#]*)#?([^)]*)\)/g)].map(([, file = '', heading = '']) => ({
    file: file === '' ? path : normalize(join(dirname(path), file)),
    heading,
  }));

/** Paths of source files and folders in code, such as `src/jobs/job.ts`. */
const paths = (path: string): readonly string[] =>
  [...readDocument(path).matchAll(/`((?:src|test|rootfs|docs|schema|bin|examples)\/[\w./-]*)`/g)].map(
    ([, name = '']) => name,
  );

describe.each(DOCUMENTS)('%s', (path) => {
  it('links to files and headings that are there', () => {
    const missing = links(path).filter(
      ({ file, heading }) =>
        !existsSync(join(PROJECT, file)) || (heading !== '' && !anchors(file).includes(heading)),
    );
    expect(missing).toEqual([]);
  });

  it('names source files that are there', () => {
    expect(paths(path).filter((name) => !existsSync(join(PROJECT, name)))).toEqual([]);
  });
});

it('looks at all of them', () => {
  expect(DOCUMENTS).toEqual(
    expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/README.md', 'test/vm/README.md']),
  );
  expect(links('README.md').length).toBeGreaterThan(10);
  expect(paths('SECURITY.md').length).toBeGreaterThan(3);
});
