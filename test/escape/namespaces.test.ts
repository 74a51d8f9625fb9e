/** Attempts to leave the namespaces of a cell. */

import { readlinkSync } from 'node:fs';
import { CLOCKS_START_S } from '../../src/runtime/clocks.ts';
import { battery, type Probe } from './support/battery.ts';
import { CAPABLE, CELL, type Making, NEGLIGENT, NESTABLE, OUTSIDE } from './support/making.ts';

const CLOCKS: Making = { plan: { clocks: CLOCKS_START_S } };

/** Which cell shares a namespace with the host. */
const KINDS: readonly (readonly [kind: string, weak: Making, cell?: Making])[] = [
  ['user', OUTSIDE],
  ['mnt', OUTSIDE],
  ['pid', NEGLIGENT],
  ['uts', NEGLIGENT],
  ['ipc', NEGLIGENT],
  ['net', NEGLIGENT],
  ['cgroup', NEGLIGENT],
  ['time', CELL, CLOCKS],
];

const own = ([kind, weak, cell = CELL]: (typeof KINDS)[number]): Probe => ({
  name: `the ${kind} namespace is its own`,
  rule: 'namespaces(7)',
  script: `[ "$(readlink /proc/self/ns/${kind})" = "$HOST_${kind}" ] && echo host || echo own`,
  answer: 'own',
  otherwise: 'host',
  cell,
  weak,
});

const further = (option: string, kind: string): Probe => ({
  name: `there are no further ${kind} namespaces`,
  rule: 'CVE-2022-0185, CVE-2023-32233 and their like begin with one',
  script: `busybox unshare ${option} true 2>/dev/null && echo made || echo refused`,
  answer: 'refused',
  otherwise: 'made',
  weak: NESTABLE,
});

battery(
  'namespaces',
  [
    ...KINDS.map(own),
    further('-U', 'user'),
    further('-m', 'mount'),
    further('-u', 'uts'),
    further('-i', 'ipc'),
    further('-n', 'network'),
    {
      name: 'none can be entered',
      rule: 'setns(2)',
      script: 'busybox nsenter -t $$ -u true 2>/dev/null && echo entered || echo refused',
      answer: 'refused',
      otherwise: 'entered',
      weak: CAPABLE,
    },
    {
      name: 'the machine seems to have been up since the cell began',
      rule: 'time_namespaces(7)',
      script: `up=$(($(cut -d . -f 1 /proc/uptime) - ${CLOCKS_START_S})); [ $up -ge 0 ] && [ $up -lt 60 ] && echo young || echo old`,
      answer: 'young',
      otherwise: 'old',
      cell: CLOCKS,
      weak: CELL,
    },
  ],
  () => Object.fromEntries(KINDS.map(([kind]) => [`HOST_${kind}`, readlinkSync(`/proc/self/ns/${kind}`)])),
);
