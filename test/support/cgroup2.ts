/** cgroups for tests. */

import { readFileSync } from 'node:fs';

/** Where the cgroup2 hierarchy is mounted. */
export const cgroup2Mount = (): string => {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [mount = '', type = ''] = line.split(' - ');
    if (type.startsWith('cgroup2 ')) return mount.split(' ')[4] ?? '';
  }
  throw new Error('cgroup2 is mounted nowhere');
};
