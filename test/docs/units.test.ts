/** The systemd units in examples/ are ones that systemd accepts without a warning. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT } from './documents.ts';

const { stdout: about } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const version = Number(/^systemd (\d+)/.exec(about)?.[1]);
// What older releases do not know yet, they ignore, and say so.
const FROM_254 = /^.*: Unknown key (?:name )?'DelegateSubgroup' in section .*, ignoring\.\n/m;

it.each([
  ['--system', 'cloister.service', '/opt/cloister', /^KillMode=process$/m],
  // The server shall not be started in the cgroup above those of jobs, where the kernel refuses processes (EBUSY).
  ['--user', 'cloister-user.service', '%h/cloister', /^DelegateSubgroup=\w+\n(?:.*\n)*KillMode=process$/m],
])('%s %s', (manager, name, installed, survival) => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-unit-'));
  try {
    const unit = readFileSync(join(PROJECT, 'examples', 'systemd', name), 'utf8');
    expect(unit).toContain(`ExecStart=${installed}/bin/cloister serve\n`);
    expect(unit).toMatch(survival);
    expect(unit).toMatch(/^Restart=on-failure$/m);
    expect(unit).toMatch(/^\[Install\]\nWantedBy=\S+$/m);
    writeFileSync(join(folder, name), unit.replaceAll(installed, PROJECT));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [manager, 'verify', join(folder, name)], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      encoding: 'utf8',
    });
    const said = (stdout + stderr).replace(version < 254 ? FROM_254 : '', '');
    expect({ status, said }).toEqual({ status: 0, said: '' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
