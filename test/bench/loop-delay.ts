/**
 * Loaded into the server that is measured (`node --import`): measures how long its event loop is not free. A line on
 * descriptor 3 starts a measurement, the next one ends it and is answered with its 99th percentile in milliseconds.
 */

import { Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
const channel = new Socket({ fd: 3 });
let measuring = false;
channel.unref();
channel.on('error', () => undefined);
channel.on('data', () => {
  if (measuring) {
    delays.disable();
    channel.write(`${Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS)}\n`);
  } else {
    delays.reset();
    delays.enable();
  }
  measuring = !measuring;
});
