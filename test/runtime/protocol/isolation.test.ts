/** Parsing the file `isolation`. */

import { describe, expect, it } from 'vitest';
import { CAPABILITIES, capabilityNames } from '../../../src/runtime/capabilities.ts';
import { parseIsolation } from '../../../src/runtime/protocol/isolation.ts';

const STATUS = [
  'Name:\tsleep',
  'Uid:\t1000\t1001\t1002\t1003',
  'Gid:\t2000\t2001\t2002\t2003',
  'CapInh:\t0000000000000000',
  'CapPrm:\t0000000000000001',
  'CapEff:\t0000000000200000',
  'CapBnd:\t000001ffffffffff',
  'CapAmb:\t0000020000000000',
  'NoNewPrivs:\t1',
  'Seccomp:\t2',
  'Seccomp_filters:\t1',
  '',
].join('\n');

const encode = (...tokens: readonly string[]): Buffer => Buffer.from([...tokens, ''].join('\0'));

const WHOLE = [
  'cell-isolation',
  '1',
  ...['namespace', 'user', '4026531837', 'namespace', 'pid', '4026531836'],
  ...['status', STATUS],
  ...['uid_map', '         0 1000000      65536\n', 'gid_map', '0 1 2\n3 4 5\n'],
  ...['cgroup', '4:memory:/v1\n0::/jobs/x\n'],
  ...['file', 'pids.max', '257\n', 'file', 'cpu.max', '1000 100000\n'],
  'end',
];

describe('parseIsolation', () => {
  it('reads what the launcher wrote', () => {
    expect(parseIsolation(encode(...WHOLE))).toMatchObject({
      namespaces: [
        { kind: 'user', inode: 4026531837 },
        { kind: 'pid', inode: 4026531836 },
      ],
      uid: 1001,
      gid: 2001,
      uidMap: [{ inside: 0, outside: 1_000_000, count: 65_536 }],
      gidMap: [
        { inside: 0, outside: 1, count: 2 },
        { inside: 3, outside: 4, count: 5 },
      ],
      capabilities: { inheritable: [], permitted: ['CHOWN'], effective: ['SYS_ADMIN'], ambient: ['41'] },
      noNewPrivileges: true,
      seccomp: 2,
      cgroup: {
        path: '/jobs/x',
        files: [
          { name: 'pids.max', value: '257' },
          { name: 'cpu.max', value: '1000 100000' },
        ],
      },
    });
  });

  it('returns nothing for an incomplete file', () => {
    for (let tokens = 0; tokens < WHOLE.length; tokens++)
      expect(parseIsolation(encode(...WHOLE.slice(0, tokens)))).toBeUndefined();
    const bytes = encode(...WHOLE);
    for (let length = 0; length < bytes.length; length += 7)
      expect(parseIsolation(bytes.subarray(0, length))).toBeUndefined();
  });

  it('has no cgroup where the job has none', () => {
    const at = WHOLE.indexOf('cgroup');
    expect(parseIsolation(encode(...WHOLE.toSpliced(at, 2)))?.cgroup).toBeNull();
    const gone = WHOLE.with(at + 1, '0::/jobs/x (deleted)\n');
    expect(parseIsolation(encode(...gone))?.cgroup?.path).toBe('/jobs/x');
  });
});

describe('capabilityNames', () => {
  it('names those of a set', () => {
    expect(capabilityNames(0n)).toEqual([]);
    expect(capabilityNames(CAPABILITIES.ROOT_IN_CELL)).toEqual([
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'FSETID',
      'KILL',
      'SETGID',
      'SETUID',
      'NET_BIND_SERVICE',
    ]);
    expect(capabilityNames(0x1ffffffffffn)).toHaveLength(41);
    expect(capabilityNames(0x1ffffffffffn).at(-1)).toBe('CHECKPOINT_RESTORE');
  });
});
