/** Ways to gain capabilities. */

import { CAPABILITIES } from '../../src/runtime/capabilities.ts';
import { battery } from './support/battery.ts';
import { CAPABLE, type Making, NEGLIGENT } from './support/making.ts';

/** Root of the cell may become others there. */
const ROOT_IN_CELL: Making = { plan: { capabilities: CAPABILITIES.ROOT_IN_CELL } };

const SETS = [
  ['CapPrm', 'permitted'],
  ['CapEff', 'effective'],
  ['CapBnd', 'bounding'],
] as const;

const asNobody = (line: string): string => `su -s /bin/sh nobody -c "${line}" 2>/dev/null`;

battery('capabilities', [
  ...SETS.map(([field, set]) => ({
    name: `there is none in the ${set} set`,
    rule: 'capabilities(7)',
    script: `grep ${field} /proc/self/status`,
    answer: `${field}:\t${'0'.repeat(16)}`,
    otherwise: new RegExp(`^${field}:\t0*1f+$`),
    weak: CAPABLE,
  })),
  {
    name: 'executing a file gives none',
    rule: 'no_new_privs: Documentation/userspace-api/no_new_privs.rst',
    script: 'grep NoNewPrivs /proc/self/status',
    answer: 'NoNewPrivs:\t1',
    otherwise: 'NoNewPrivs:\t0',
    weak: NEGLIGENT,
  },
  {
    name: 'a file that is set-uid root makes nobody root',
    rule: 'CVE-2022-29162 and its like; execve(2)',
    script: `cp $PROBE /tmp/s && chmod 4755 /tmp/s && ${asNobody('/tmp/s user')}`,
    answer: '65534',
    otherwise: '0',
    cell: ROOT_IN_CELL,
    weak: NEGLIGENT,
  },
  {
    name: 'a file cannot be given any',
    rule: 'CVE-2018-18955: file capabilities in a user namespace',
    script: 'touch /tmp/c; $PROBE capable /tmp/c',
    answer: 'EPERM',
    otherwise: 'ok',
    weak: CAPABLE,
  },
  {
    name: 'owners cannot be changed',
    rule: 'CAP_CHOWN',
    script: 'touch /tmp/o; chown 1 /tmp/o 2>&1 | grep -o Operation.*',
    answer: 'Operation not permitted',
    otherwise: '',
    weak: CAPABLE,
  },
  {
    name: 'nobody else can be become',
    rule: 'CAP_SETUID',
    script: asNobody('id -u'),
    answer: '',
    otherwise: '65534',
    weak: ROOT_IN_CELL,
  },
  {
    name: 'the name of the machine cannot be set',
    rule: 'CAP_SYS_ADMIN',
    script: 'hostname x 2>&1 | grep -o Operation.*',
    answer: 'Operation not permitted',
    otherwise: '',
    weak: CAPABLE,
  },
]);
