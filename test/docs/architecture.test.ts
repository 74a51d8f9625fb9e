/** docs/architecture.md says what the code does: who imports whom, and what is in the state folder. */

import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JOB_FILES, statePaths } from '../../src/state/paths.ts';
import { PROJECT, readDocument } from './documents.ts';

const DOCUMENT = readDocument('docs/architecture.md');

/** Rows of the table whose first heading is `first`, without the heading. */
const table = (first: string): readonly (readonly string[])[] => {
  const lines = DOCUMENT.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${first} |`)) + 2;
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start, end).map((line) => line.split('|').map((cell) => cell.trim()));
};

/** The layer of a file, such as `jobs` or `rootfs`; `undefined` for the files directly in src/. */
const layerOf = (path: string): string | undefined => {
  const [top = '', second = '', third] = relative(PROJECT, path).split('/');
  if (top !== 'src') return top;
  return third === undefined ? undefined : second;
};

describe('layers', () => {
  const documented = new Map(
    table('folder').map(([, folder = '', imports = '']) => [
      basename(folder.replaceAll('`', '')),
      imports.split(' ').filter((name) => name !== ''),
    ]),
  );

  const found = new Map<string, Set<string>>();
  for (const path of globSync(['src/*/**/*.{ts,js}', 'rootfs/**/*.ts'], { cwd: PROJECT })) {
    const file = join(PROJECT, path);
    const layer = layerOf(file) ?? '';
    const imports = found.get(layer) ?? new Set();
    found.set(layer, imports);
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
      /(?:from|import\(|import) *'(\.[^']+)'/g,
    )) {
      const target = layerOf(resolve(dirname(file), name));
      if (target !== undefined && target !== layer) imports.add(target);
    }
  }

  it('are all in the table', () => {
    expect([...documented.keys()].toSorted()).toEqual([...found.keys()].toSorted());
  });

  it.each([...documented])('%s imports %j', (layer, imports) => {
    expect([...(found.get(layer) ?? [])].toSorted()).toEqual(imports.toSorted());
  });
});

describe('the state folder', () => {
  const files = table('file').flatMap(([, file = '']) =>
    [...file.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );

  it('has the files of the table', () => {
    const folder = Object.values(statePaths('/'))
      .map((path) => basename(path))
      .flatMap((name) => {
        if (name === 'jobs') return Object.values(JOB_FILES).flat();
        return name === 'images' ? ['images/<name>'] : name === 'exits' ? ['exits/<id>'] : [name];
      });
    const documented = files
      .map((name) => name?.replace('jobs/<id>/', ''))
      .filter((name) => !name?.startsWith('-'));
    expect(documented.toSorted()).toEqual(folder.toSorted());
  });
});
