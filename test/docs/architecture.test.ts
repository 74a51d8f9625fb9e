/** docs/architecture.md says what is so: which part imports which, and what is in the state folder. */

import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { partsTable } from '../../lint/parts.ts';
import { JOB_FILES, statePaths } from '../../src/state/paths.ts';
import { readDocument, tableOf } from './documents.ts';

it('shows the parts of the program as `make lint` checks them', () => {
  expect(readDocument('docs/architecture.md')).toContain(`\n\n${partsTable()}\n\n`);
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
