/** `make cast`: records the session of the README and draws it. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordSurvives } from './survives.ts';
import { draw } from './svg.ts';

const terminals = await recordSurvives({ ticks: 5 });
const svg = draw(terminals, {
  columns: 100,
  rows: [10, 8],
  description:
    'Two terminals. A client runs a job that counts. In the other one the server is killed with kill -9 and started again: the count continues in the client without a gap.',
});
writeFileSync(join(import.meta.dirname, 'survives.svg'), svg);
