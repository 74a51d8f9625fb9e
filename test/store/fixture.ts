/** Jobs for tests of the store. */

import { newJobId } from '../../src/jobs/id.ts';
import type { Job, JobState, JobStatus, LimitHit, WholeJob, WholeSpec } from '../../src/jobs/job.ts';

export const at = (ms: number): Date => new Date(1_700_000_000_000 + ms);

export const spec: WholeSpec = {
  name: null,
  command: { kind: 'shell', line: 'true' },
  image: 'alpine',
  imageDigest: 'sha256:00',
  env: [],
  workdir: null,
  user: null,
  hostname: null,
  capabilities: 'NONE',
  stopSignal: 'SIGTERM',
  stopScope: 'GROUP',
  stdinBytes: null,
  openStdin: false,
  files: [],
  execOf: null,
  keepRoot: false,
  artifacts: [],
  terminal: null,
  limits: {
    cpus: 1,
    cpuWeight: null,
    cpuset: null,
    cpuTimeMs: null,
    memoryBytes: 4096,
    memoryHighBytes: null,
    swapBytes: 0,
    pids: 10,
    diskBytes: 4096,
    inodes: null,
    io: [],
    timeoutMs: 1000,
    outputBytes: 1000,
    outputPolicy: 'KILL',
  },
  labels: [],
  priority: 0,
  startAfter: null,
  retries: null,
  attempt: 1,
  retryOf: null,
  network: 'NONE',
};

export const usage = {
  cpuTimeUs: 1500,
  userTimeUs: 1000,
  systemTimeUs: 500,
  memoryCurrentBytes: null,
  memoryPeakBytes: 4096,
  pidsPeak: 3,
  ioReadBytes: 0,
  ioWrittenBytes: null,
  ioReadOperations: 0,
  ioWriteOperations: null,
  oomKills: 0,
  forksRefused: null,
  throttledTimeUs: null,
  pressure: {
    cpu: { someUs: 1500, fullUs: 0 },
    memory: { someUs: 0, fullUs: 0 },
    io: { someUs: 5000, fullUs: 4000 },
  },
};

export const makeJob = (change: Partial<WholeSpec> = {}, job: Partial<Omit<Job, 'spec'>> = {}): WholeJob => ({
  id: newJobId(),
  owner: 'admin',
  createdAt: at(0),
  spec: { ...spec, ...change },
  retriedBy: null,
  pinned: false,
  state: { status: 'QUEUED' },
  ...job,
});

export const hit: LimitHit = {
  limit: 'memory',
  value: 4096,
  peak: 4096,
  unit: 'bytes',
  ended: true,
  evidence: [{ file: 'memory.events', key: 'oom_kill', value: 1 }],
  message: 'too much',
};

const ran = {
  startedAt: at(10),
  finishedAt: at(20),
  usage,
  hits: [],
  output: { keptBytes: 7, droppedBytes: 1 },
  input: { bytes: 3, sha256: 'e'.repeat(64) },
  artifacts: [],
};

/** One state of each kind. */
export const STATES: readonly JobState[] = [
  { status: 'QUEUED' },
  { status: 'RUNNING', startedAt: at(10), pausedAt: null },
  { status: 'RUNNING', startedAt: at(10), pausedAt: at(15) },
  { status: 'COMPLETED', ...ran, termination: { kind: 'exited', code: 0 } },
  { status: 'STOPPED', ...ran, termination: { kind: 'signaled', signal: 'SIGTERM' }, error: null },
  { status: 'STOPPED', ...ran, termination: { kind: 'signaled', signal: 'SIGKILL' }, error: 'it was stuck' },
  {
    status: 'LIMIT_EXCEEDED',
    limit: 'MEMORY',
    ...ran,
    hits: [hit],
    termination: { kind: 'signaled', signal: 'SIGKILL' },
    error: 'too much',
  },
  { status: 'LOST', startedAt: at(10), finishedAt: at(20), error: 'gone' },
  { status: 'FAILED', finishedAt: at(20), error: 'no such file' },
];

/** The first of `STATES` with this status. */
export const stateOf = (status: JobStatus): JobState => {
  const state = STATES.find((each) => each.status === status);
  if (state === undefined) throw new Error(`STATES has none that is ${status}`);
  return state;
};
