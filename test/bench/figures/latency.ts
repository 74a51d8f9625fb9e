/** How long one client waits that submits one job after the other. */

import { type Figure, medianMs } from '../figure.ts';
import type { BenchServer } from '../server.ts';
import { goJudge, servers } from './server.ts';

const JOBS = 20;
const BASE = 'Cloister, state in memory';

export const answered: Figure = {
  name: '`submitJob` is answered',
  unit: 'ms',
  how: 'one client; the job before has ended',
  less: true,
  base: BASE,
  open: (bench) =>
    servers(bench, async (server) => {
      const times: number[] = [];
      for (let index = 0; index < JOBS; index++) {
        times.push(await medianMs(1, () => server.submit()));
        // The job that was submitted has ended when a later one has, on a server without others.
        await server.run();
      }
      return times.toSorted((one, other) => one - other)[JOBS / 2] ?? Number.NaN;
    }),
};

export const ended: Figure = {
  name: 'A job from its submission to its end',
  unit: 'ms',
  how: '`runJob` with `true`; go-judge: `/run` with `true`, in a container that is used again',
  less: true,
  base: BASE,
  open: async (bench) => [
    ...(await servers(bench, (server) => medianMs(JOBS, () => server.run()))),
    ...(await goJudge(bench, (judge) => medianMs(JOBS, () => judge.run()))),
  ],
};

/** Submits a job and waits for the first bytes of its log at a WebSocket. */
const firstByte = async (server: BenchServer): Promise<void> => {
  const jobId = await server.submit({ argv: ['echo', 'out'] });
  await new Promise<void>((resolve, reject) => {
    const query = 'subscription ($jobId: ID!) { logs(jobId: $jobId) { entries { text } } }';
    const stop = server.socket.subscribe<{ logs: { entries: { text: string }[] } }>(
      { query, variables: { jobId } },
      {
        next: ({ data }) => {
          if ((data?.logs.entries.length ?? 0) === 0) return;
          stop();
          resolve();
        },
        error: reject,
        complete: () => reject(new Error('the log ended without output')),
      },
    );
  });
};

export const output: Figure = {
  name: 'A job from its submission to its first output',
  unit: 'ms',
  how: '`submitJob` with `echo`, then `logs` over graphql-ws until the first bytes are received',
  less: true,
  base: BASE,
  open: (bench) => servers(bench, (server) => medianMs(JOBS, () => firstByte(server))),
};
