/** The systemd units in examples/ are ones that systemd accepts without a warning. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT } from './documents.ts';

const known = spawnSync('systemd-analyze', ['--version']).status === 0;

it.skipIf(!known).each([
  ['--system', 'cloister.service', '/opt/cloister'],
  ['--user', 'cloister-user.service', '%h/cloister'],
])('%s %s', (manager, name, installed) => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-unit-'));
  try {
    const unit = readFileSync(join(PROJECT, 'examples', 'systemd', name), 'utf8');
    expect(unit).toContain(`ExecStart=${installed}/bin/cloister serve\n`);
    expect(unit).toMatch(/^Restart=on-failure$/m);
    expect(unit).toMatch(/^\[Install\]\nWantedBy=\S+$/m);
    writeFileSync(join(folder, name), unit.replaceAll(installed, PROJECT));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [manager, 'verify', join(folder, name)], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      encoding: 'utf8',
    });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
