/** The machine has what the tests of limits need. */

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { cgroup2Mount } from '../support/cgroup2.ts';
import { disposers } from '../support/disposers.ts';

// Without these, every other test of limits would be one of a machine that has none.

const later = disposers();
let cgroup: string;

beforeEach(() => {
  cgroup = join(cgroup2Mount(), `cloister-environment-${process.pid}`);
  mkdirSync(cgroup);
  later(() => rmdirSync(cgroup));
});

test.each(['cpu', 'io', 'memory', 'pids'])('a new cgroup has the controller %s', (controller) => {
  expect(readFileSync(join(cgroup, 'cgroup.controllers'), 'utf8').trim().split(' ')).toContain(controller);
});

test.each([
  ['memory.max', '67108864'],
  ['memory.swap.max', '0'],
  ['memory.oom.group', '1'],
  ['pids.max', '17'],
  ['cpu.max', '50000 100000'],
])('%s takes a limit', (file, value) => {
  const path = join(cgroup, file);
  expect(readFileSync(path, 'utf8')).not.toBe(`${value}\n`);
  writeFileSync(path, value);
  expect(readFileSync(path, 'utf8')).toBe(`${value}\n`);
});
