/** What the server imports is what "make run" and the container install: packages for developers may be missing. */

import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT, readDocument } from './documents.ts';

/** Packages that files import for more than types, by name. */
const imported = (): Set<string> => {
  const names = new Set<string>();
  for (const path of globSync(['src/**/*.{ts,js}', 'rootfs/**/*.ts'], { cwd: PROJECT })) {
    const text = readFileSync(join(PROJECT, path), 'utf8');
    const imports =
      /^(?:import|export) (?!type )[^'"`;]*?from '([^'.][^']*)'|^import '([^'.][^']*)'|\bimport\(\s*'([^'.][^']*)'/gm;
    for (const [, from, bare, dynamic] of text.matchAll(imports)) {
      const name = from ?? bare ?? dynamic ?? '';
      const parts = name.split('/');
      if (!isBuiltin(name)) names.add(parts.slice(0, name.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  return names;
};

it('the server needs no package that is for developers, and every other one', () => {
  const { dependencies } = JSON.parse(readDocument('package.json')) as { dependencies: object };
  expect([...imported()].toSorted()).toEqual(Object.keys(dependencies).toSorted());
});
