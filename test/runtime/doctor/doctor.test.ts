/** The doctor on this machine. */

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { doctor } from '../../../src/runtime/doctor/index.ts';
import { disposers } from '../../support/disposers.ts';
import { ID_BASE } from '../../support/image.ts';
import { folder } from '../cgroup/fixture.ts';

const onEnd = disposers();

it('checks this machine and has a remedy for everything that does not pass', async () => {
  const stateDir = join(folder(onEnd), 'state');
  const launcher = join(stateDir, 'cell');
  const checks = await doctor({ stateDir, launcher, idBase: ID_BASE });
  expect(checks.find(({ name }) => name === 'launcher')?.status).toBe('FAIL');
  const names = checks.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['kernel', 'user namespaces', 'overlay', 'cgroup v2', 'state folder']),
  );
  expect(new Set(names).size).toBe(names.length);
  for (const { status, remedy } of checks) expect(remedy === undefined).toBe(status === 'PASS');
});
