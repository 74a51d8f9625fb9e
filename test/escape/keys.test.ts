/** Ways out through keyrings. */

import { battery } from './support/battery.ts';
import { LEAKED_KEY } from './support/cells.ts';
import { NEGLIGENT, UNFILTERED } from './support/making.ts';

battery(
  'keys',
  [
    {
      name: 'keys cannot be asked for',
      rule: 'keyrings(7): they are not part of any namespace but that of users',
      script: '$PROBE key $KEY',
      answer: 'EPERM',
      otherwise: 'ok',
      weak: NEGLIGENT,
    },
    {
      name: 'the keys of the user who started the server are out of reach, even without the filter',
      rule: 'session-keyring(7): it is handed on by fork and execve',
      script: '$PROBE key $KEY',
      answer: 'ENOKEY',
      otherwise: 'ok',
      cell: UNFILTERED,
      weak: NEGLIGENT,
    },
  ],
  () => ({ KEY: LEAKED_KEY }),
);
