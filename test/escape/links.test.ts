/** Ways out through links of an image. */

import { afterAll, describe, expect, it } from 'vitest';
import type { Step } from '../../src/runtime/protocol/plan.ts';
import { Cells } from './support/cells.ts';
import { type Making, NEGLIGENT, STEPS } from './support/making.ts';

const cells = new Cells();
afterAll(() => cells.close());

const FURTHER: readonly (readonly [name: string, rule: string, step: Step])[] = [
  [
    'no file is created through a link of the image',
    'CVE-2025-52881, CVE-2026-41579 and their like: what is meant for one place lands in another',
    { kind: 'file', path: '/link/hosts2', mode: 0o644, text: 'x' },
  ],
  [
    'no folder is created through one',
    'CVE-2024-45310: folders made on the host',
    { kind: 'mkdir', path: '/link/folder', mode: 0o755 },
  ],
  [
    'nothing is mounted through one',
    'CVE-2021-30465, CVE-2025-52565',
    { kind: 'mount', type: 'tmpfs', path: '/link/apk', attributes: 0, options: '' },
  ],
  [
    'nothing is written through one',
    'CVE-2025-52881: settings that went elsewhere',
    { kind: 'write', path: '/link/hostname', text: 'x' },
  ],
];

const withStep = ({ plan, ...making }: Making, step: Step): Making => ({
  ...making,
  plan: {
    ...plan,
    steps: [{ kind: 'symlink', target: '/etc', path: '/link' }, ...(plan?.steps ?? STEPS), step],
  },
});

describe('links in the image', () => {
  it.each(FURTHER)('%s [%s]', async (_name, _rule, step) => {
    const held = await cells.run(['/bin/true'], withStep({}, step));
    expect(held.record).toMatchObject({ executed: false, failure: { step: step.kind, subject: step.path } });
    const fallen = await cells.run(['/bin/true'], withStep(NEGLIGENT, step));
    expect(fallen.record).toMatchObject({ executed: true, failure: null });
  });
});
