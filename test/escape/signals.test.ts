/** Attempts to signal processes outside of a cell. */

import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import { afterAll, beforeAll } from 'vitest';
import { program } from '../support/programs.ts';
import { battery } from './support/battery.ts';
import { PROBE } from './support/cells.ts';
import { NEGLIGENT } from './support/making.ts';

const KEY = String(0x0c105000 + (process.pid % 4096));
let memory = '';

beforeAll(() => {
  memory = execFileSync(program(PROBE), ['remember', KEY], { encoding: 'utf8' }).trim();
});

afterAll(() => {
  execFileSync(program(PROBE), ['forget', memory]);
});

battery(
  'signals and other ways to processes',
  [
    {
      name: 'processes of the host cannot be signalled: a cell does not see them',
      rule: 'pid_namespaces(7)',
      // Signal 0 does nothing but ask.
      script: 'kill -0 $OUTSIDE 2>&1 | grep -oE "No such process|Operation not permitted"',
      answer: 'No such process',
      otherwise: 'Operation not permitted',
      weak: NEGLIGENT,
    },
    {
      name: 'the parent of init, its supervisor, is nobody',
      rule: 'pid_namespaces(7)',
      script: 'grep PPid: /proc/$PPID/status',
      answer: 'PPid:\t0',
      // It has no parent in the cell.
      further: 'grep: /proc/0/status: No such file or directory',
      otherwise: /^PPid:\t[1-9]\d*$/,
      weak: NEGLIGENT,
    },
    {
      name: 'no signal is ignored from the start',
      rule: 'execve(2): what is ignored stays so',
      script: 'grep SigIgn /proc/self/status',
      answer: `SigIgn:\t${'0'.repeat(16)}`,
      otherwise: /^SigIgn:\t0*2?[12]00$|^SigIgn:\t0*[1-9a-f][0-9a-f]*$/,
      weak: NEGLIGENT,
    },
    {
      name: 'memory that processes of the host share does not exist in a cell',
      rule: 'ipc_namespaces(7)',
      script: '$PROBE memory $KEY',
      answer: 'ENOENT',
      otherwise: 'ok',
      weak: NEGLIGENT,
    },
    {
      name: 'the name of the host is not shown',
      rule: 'uts_namespaces(7)',
      script: 'hostname',
      answer: 'cell',
      otherwise: hostname(),
      weak: NEGLIGENT,
    },
  ],
  () => ({ OUTSIDE: String(process.pid), KEY }),
);
