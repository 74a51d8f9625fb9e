/** Ways out through file descriptors. */

import { battery } from './support/battery.ts';
import { NEGLIGENT } from './support/making.ts';

/** Init of the cell is the parent of its command. */
const init = (name: string, rule: string, script: string) => ({
  name,
  rule,
  script: `${script} >/dev/null 2>&1 && echo read || echo refused`,
  answer: 'refused',
  otherwise: 'read',
  weak: NEGLIGENT,
});

battery('descriptors', [
  {
    name: 'a command has its streams and nothing else',
    rule: 'CVE-2024-21626: a folder of the host that stayed open',
    // The last one is the folder that is being listed.
    script: 'ls /proc/self/fd | tr "\\n" " "',
    answer: '0 1 2 3',
    weak: NEGLIGENT,
  },
  {
    name: 'what the parent of the server had open leads nowhere',
    rule: 'CVE-2024-21626',
    script: 'ls /proc/self/fd/7/leaked 2>/dev/null',
    answer: '',
    otherwise: '/proc/self/fd/7/leaked',
    weak: NEGLIGENT,
  },
  init('those of init cannot be listed', 'CVE-2016-9962', 'ls /proc/$PPID/fd'),
  init('the memory of init cannot be opened', 'CVE-2016-9962', '[ "$($PROBE open r /proc/$PPID/mem)" = ok ]'),
  init('the executable of init cannot be reached', 'CVE-2019-5736', 'readlink /proc/$PPID/exe'),
  init('the environment of init cannot be read', 'proc_pid_environ(5)', 'cat /proc/$PPID/environ'),
  init(
    'the memory map of init cannot be read',
    'proc_pid_maps(5)',
    '[ -n "$(cat /proc/$PPID/maps 2>/dev/null)" ]',
  ),
  init('the root of init leads nowhere', 'proc_pid_root(5)', 'ls /proc/$PPID/root/'),
]);
