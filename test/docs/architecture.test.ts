/** docs/architecture.md says what is so: which part imports which, and what is in the state folder. */

import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PARTS, partsTable } from '../../lint/parts.ts';
import { JOB_FILES, statePaths } from '../../src/state/paths.ts';
import { readDocument, tableOf } from './documents.ts';

it('shows the parts of the program as `make lint` checks them', () => {
  expect(readDocument('docs/architecture.md')).toContain(`\n\n${partsTable()}\n\n`);
});

describe('the drawing of the layers', () => {
  const section =
    readDocument('docs/architecture.md').split('\n## Layers\n')[1]?.split('\n| part |')[0] ?? '';
  const drawing = section.split('```')[1]?.trimStart().split('\n') ?? [];
  /** The line of a part, by its name in the left column. */
  const place = (part: string): number =>
    drawing.findIndex((line) => new RegExp(`(?<![\\w-])${part}(?![\\w-])`).test(line.slice(0, 40)));
  const nameOf = (part: string): string => (part === 'clientApi' ? 'client-api' : part);

  it('or the text below it has every part with a folder', () => {
    const folders = Object.entries(PARTS).filter(([, { files }]) => files.some((file) => file.endsWith('/')));
    const missing = folders.map(([part]) => nameOf(part)).filter((name) => !section.includes(name));
    expect(missing).toEqual([]);
  });

  it('has what a part imports below the part', () => {
    // Those that implement its interfaces import `jobs`, and the store those of `access`: the arrows point up.
    const implementing = ['store', 'cells', 'images'];
    const wrong = Object.entries(PARTS).flatMap(([part, { imports }]) =>
      imports
        .filter((target) => place(nameOf(part)) >= 0 && place(target) >= 0 && !implementing.includes(part))
        .filter((target) => place(target) < place(nameOf(part)))
        .map((target) => `${part} imports ${target}`),
    );
    expect(wrong).toEqual([]);
    expect(place('jobs')).toBeGreaterThan(place('access'));
    expect(place('runtime')).toBeGreaterThan(place('cells'));
  });
});

describe('the state folder', () => {
  const files = tableOf('docs/architecture.md', 'file').flatMap(([file = '']) =>
    [...file.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );

  it('has the files of the table', () => {
    const folder = Object.entries(statePaths('/')).flatMap(([key, path]) => {
      const name = basename(path);
      if (key === 'jobs') return Object.values(JOB_FILES).flat();
      if (key === 'files') return [`${name}/<subject>/<sha256>/<mode>`];
      if (key === 'layers') return [`${name}/<id>/tree`];
      if (key === 'receiptKeys') return [`${name}/<key>.pem`];
      if (key === 'images') return [`${name}/<name>`];
      return ['exits', 'stdin', 'secrets'].includes(key) ? [`${name}/<id>`] : [name];
    });
    const documented = files
      .map((name) => name?.replace('jobs/<id>/', ''))
      .filter((name) => !name?.startsWith('-'));
    expect(documented.toSorted()).toEqual(folder.toSorted());
  });
});
