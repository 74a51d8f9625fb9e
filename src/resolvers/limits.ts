/** The types Limits and LimitsInput: the resource limits of a job. */
import type { IoLimit, Limits, OUTPUT_POLICIES } from '../jobs/job.ts';
import { builder } from './builder.ts';

const HELP = {
  cpus: 'CPU time per period (`cpu.max`), in CPUs: 0.5 is half a core.',
  cpuWeight:
    'Share of CPU time while jobs compete for it (`cpu.weight`), from 1 to 10000. Jobs without it have 100.',
  cpuset: 'The CPUs the job may run on (`cpuset.cpus`), as a list such as "0-2,7".',
  cpuTime: 'CPU time of all processes together, after which the job ends with LIMIT_EXCEEDED.',
  memory:
    'Memory of all processes, including the files they write to the root file system, which is in memory (`memory.max`). Beyond it the kernel kills the job.',
  memoryHigh:
    'Soft limit (`memory.high`): above it the kernel throttles the job and reclaims memory, but does not kill it.',
  swap: 'Swap space (`memory.swap.max`).',
  pids: 'Processes and threads that exist at the same time (`pids.max`). Beyond it fork(2) fails in the job.',
  disk: 'Size of the writable layer of the root file system. Beyond it writes fail with ENOSPC.',
  inodes: 'Files and folders in the writable layer',
  io: 'Bandwidth of block devices (`io.max`)',
  timeout: 'Wall-clock time from the start of the command, without pauses. Then the job is killed.',
  output: 'Bytes of stdout and stderr together that the log keeps.',
  outputPolicy: 'What happens beyond the `output` limit.',
} as const;

const RATES = {
  readBps: 'Bytes read per second',
  writeBps: 'Bytes written per second',
  readIops: 'Read operations per second',
  writeIops: 'Write operations per second',
} as const;

const unlimited = (text: string): string => `${text}; null: unlimited.`;
const fromOne = (text: string): string => `${text}, from 1. Default: unlimited.`;
const absent = (text: string): string => `${text} Null: not requested, or not enforceable on this host.`;
/** With the range of a limit; the server's own maximum (`--max-...`) may be lower. */
const ranged = (text: string, range: string): string => `${text} ${range}.`;

export const OutputPolicy = builder.enumType('OutputPolicy', {
  description: 'What happens when a job writes more output than its limit.',
  values: {
    KILL: { description: 'The job is killed and ends with LIMIT_EXCEEDED (OUTPUT).' },
    TRUNCATE: {
      description:
        'The job continues. The log keeps the first half of the limit and, from the rest, the last quarter to half; what lies between is dropped and counted. The last part appears in the log when the job has ended.',
    },
  } as const satisfies Record<(typeof OUTPUT_POLICIES)[number], object>,
});

const IoLimitType = builder.objectRef<IoLimit>('IoLimit').implement({
  description: 'Bandwidth limits of a job for one disk.',
  fields: (t) => ({
    device: t.exposeString('device', {
      description: 'The device number of the whole disk, "major:minor", such as "8:0".',
    }),
    readBps: t.expose('readBps', {
      type: 'ByteSize',
      nullable: true,
      description: unlimited(RATES.readBps),
    }),
    writeBps: t.expose('writeBps', {
      type: 'ByteSize',
      nullable: true,
      description: unlimited(RATES.writeBps),
    }),
    readIops: t.exposeFloat('readIops', { nullable: true, description: unlimited(RATES.readIops) }),
    writeIops: t.exposeFloat('writeIops', { nullable: true, description: unlimited(RATES.writeIops) }),
  }),
});

export const LimitsType = builder.objectRef<Limits>('Limits').implement({
  description: 'The limits in effect for a job, defaults included.',
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { nullable: true, description: absent(HELP.cpus) }),
    cpuWeight: t.exposeInt('cpuWeight', { nullable: true, description: absent(HELP.cpuWeight) }),
    cpuset: t.exposeString('cpuset', { nullable: true, description: absent(HELP.cpuset) }),
    cpuTime: t.expose('cpuTimeMs', { type: 'Duration', nullable: true, description: absent(HELP.cpuTime) }),
    memory: t.expose('memoryBytes', { type: 'ByteSize', nullable: true, description: absent(HELP.memory) }),
    memoryHigh: t.expose('memoryHighBytes', {
      type: 'ByteSize',
      nullable: true,
      description: absent(HELP.memoryHigh),
    }),
    swap: t.expose('swapBytes', { type: 'ByteSize', nullable: true, description: absent(HELP.swap) }),
    pids: t.exposeInt('pids', { nullable: true, description: absent(HELP.pids) }),
    disk: t.expose('diskBytes', { type: 'ByteSize', description: HELP.disk }),
    inodes: t.exposeInt('inodes', {
      nullable: true,
      description: `${HELP.inodes}; null: one for each 4 KiB of \`disk\`.`,
    }),
    io: t.field({
      type: [IoLimitType],
      description: `${HELP.io}, one entry per disk.`,
      resolve: ({ io }) => [...io],
    }),
    timeout: t.expose('timeoutMs', { type: 'Duration', description: HELP.timeout }),
    output: t.expose('outputBytes', { type: 'ByteSize', description: HELP.output }),
    outputPolicy: t.expose('outputPolicy', { type: OutputPolicy, description: HELP.outputPolicy }),
  }),
});

const IoLimitInput = builder.inputType('IoLimitInput', {
  description: 'Bandwidth limits for one disk: at least one of the four rates.',
  fields: (t) => ({
    device: t.string({
      description:
        'A disk by path, such as "/dev/sda", or by device number, such as "8:0"; a partition stands for its disk. Default: the disk of the state folder.',
    }),
    readBps: t.field({ type: 'ByteSize', description: fromOne(RATES.readBps) }),
    writeBps: t.field({ type: 'ByteSize', description: fromOne(RATES.writeBps) }),
    readIops: t.int({ description: fromOne(RATES.readIops) }),
    writeIops: t.int({ description: fromOne(RATES.writeIops) }),
  }),
});

export const LimitsInput = builder.inputType('LimitsInput', {
  description:
    "Resource limits. What is left out takes the server's default; the defaults named here are those of a server without settings of its own. No value may exceed the server's maximum (`cloister serve --max-...`). A limit that this host cannot enforce is refused with LIMIT_UNAVAILABLE.",
  fields: (t) => ({
    cpus: t.float({ description: ranged(HELP.cpus, 'From 0.01 to 1024. Default 1') }),
    cpuWeight: t.int({ description: HELP.cpuWeight }),
    cpuset: t.string({ description: ranged(HELP.cpuset, 'Default: all') }),
    cpuTime: t.field({
      type: 'Duration',
      description: ranged(HELP.cpuTime, 'From 1ms to 3650d. Default: unlimited'),
    }),
    memory: t.field({
      type: 'ByteSize',
      description: ranged(HELP.memory, 'From 4Mi to 64Ti, rounded to whole pages. Default 512Mi'),
    }),
    memoryHigh: t.field({
      type: 'ByteSize',
      description: ranged(HELP.memoryHigh, 'From 4Mi up to `memory`. Default: none'),
    }),
    swap: t.field({ type: 'ByteSize', description: ranged(HELP.swap, 'From 0 to 64Ti. Default 0') }),
    pids: t.int({ description: ranged(HELP.pids, 'From 1 to 4194304. Default 256') }),
    disk: t.field({ type: 'ByteSize', description: ranged(HELP.disk, 'From 64Ki to 64Ti. Default 256Mi') }),
    inodes: t.int({
      description: `${HELP.inodes}, from 16 to 2147483647. Default: one for each 4 KiB of \`disk\`.`,
    }),
    io: t.field({
      type: [IoLimitInput],
      description: `${HELP.io}, one entry per disk, at most 16. Default: unlimited.`,
    }),
    timeout: t.field({
      type: 'Duration',
      description: ranged(HELP.timeout, 'From 1ms to 3650d. Default 1h'),
    }),
    output: t.field({ type: 'ByteSize', description: ranged(HELP.output, 'From 1 to 64Ti. Default 64Mi') }),
    outputPolicy: t.field({ type: OutputPolicy, description: `${HELP.outputPolicy} Default KILL.` }),
  }),
});
