/**
 * Loaded into a server by `node --import`: at SIGUSR2 it reports on standard error the longest turn of the event loop since
 * the last report, as a multiple of a piece of work that is done then. Both are counted in CPU time of the main thread, so
 * that neither says anything of what else the machine does.
 */
const cpuUs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

let last = cpuUs();
let longest = 0;
const turn = (): void => {
  const now = cpuUs();
  longest = Math.max(longest, now - last);
  last = now;
  // The server ends when nothing else is to be done.
  setImmediate(turn).unref();
};
setImmediate(turn).unref();

const TEXT = JSON.stringify(
  Array.from({ length: 20_000 }, (_, number) => ({ name: `N${number}`, value: 'x' })),
);

/** Microseconds of a piece of work that is like that of a server. */
const unitUs = (): number => {
  const before = cpuUs();
  for (let round = 0; round < 10; round++) JSON.parse(TEXT);
  return (cpuUs() - before) / 10;
};

unitUs();
process.on('SIGUSR2', () => {
  process.stderr.write(`longest turn: ${(longest / unitUs()).toFixed(1)}\n`);
  last = cpuUs();
  longest = 0;
});
