/**
 * Loaded into a server by `node --import`: at SIGUSR2 it collects its garbage and reports on standard error how many
 * bytes are in use then, on the heap of JavaScript and outside of it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  // The second collects what the first has released through finalizers.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`in use: ${heapUsed + external}\n`);
});
