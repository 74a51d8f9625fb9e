import { newJobId } from '../../src/jobs/id.ts';
import type { Job, JobSpec, JobState } from '../../src/store/job.ts';

export const at = (ms: number): Date => new Date(1_700_000_000_000 + ms);

export const spec: JobSpec = {
  name: null,
  command: { kind: 'shell', line: 'true' },
  image: 'alpine',
  env: [],
  workdir: null,
  user: null,
  hostname: null,
  capabilities: 'NONE',
  stdin: null,
  limits: { cpus: 1, memory: 4096, swap: 0, pids: 10, disk: 4096, timeout: 1000, output: 1000 },
  labels: [],
  priority: 0,
  startAfter: null,
};

export const usage = {
  cpuTime: 1500,
  userTime: 1000,
  systemTime: 500,
  memoryCurrent: null,
  memoryPeak: 4096,
  pidsPeak: 3,
  ioRead: 0,
  ioWritten: null,
  oomKills: 0,
  throttledTime: null,
};

export const makeJob = (change: Partial<JobSpec> = {}, job: Partial<Job> = {}): Job => ({
  id: newJobId(),
  owner: 'admin',
  createdAt: at(0),
  spec: { ...spec, ...change },
  state: { status: 'QUEUED' },
  ...job,
});

const ran = { startedAt: at(10), finishedAt: at(20), usage };

/** One state of each kind. */
export const STATES: readonly JobState[] = [
  { status: 'QUEUED' },
  { status: 'RUNNING', startedAt: at(10) },
  { status: 'COMPLETED', ...ran, termination: { kind: 'exited', code: 0 } },
  { status: 'STOPPED', ...ran, termination: { kind: 'signaled', signal: 'SIGTERM' } },
  {
    status: 'LIMIT_EXCEEDED',
    limit: 'MEMORY',
    ...ran,
    termination: { kind: 'signaled', signal: 'SIGKILL' },
    error: 'too much',
  },
  { status: 'LOST', startedAt: at(10), finishedAt: at(20), error: 'gone' },
  { status: 'FAILED', finishedAt: at(20), error: 'no such file' },
];
