/** All figures, in the order of the report. */

import type { Figure } from '../figure.ts';
import { bursts } from './burst.ts';
import { delivery } from './delivery.ts';
import { layers } from './images.ts';
import { answered, ended, output } from './latency.ts';
import { launch } from './launch.ts';
import { queries } from './queries.ts';
import { rates } from './rate.ts';

export const FIGURES: readonly Figure[] = [
  launch,
  answered,
  ended,
  output,
  layers,
  ...rates,
  ...bursts,
  ...delivery,
  ...queries,
];
