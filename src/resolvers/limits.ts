import type { IoLimit, Limits, OUTPUT_POLICIES } from '../jobs/job.ts';
import { builder } from './builder.ts';

const HELP = {
  cpus: "CPUs' worth of time: 0.5 is half a core.",
  cpuWeight: 'The share where jobs want more CPU time than there is, from 1 to 10000; others have 100.',
  cpuset: 'The CPUs it may run on, such as "0-2,7".',
  cpuTime: 'CPU time of all processes together.',
  memory: 'Memory of all processes and of the files that were written.',
  memoryHigh: 'Memory from which on the job is slowed down and its memory taken back, without an end of it.',
  pids: 'Processes and threads at a time.',
  disk: 'The writable layer of the root.',
  inodes: 'Files and folders of the writable layer. Default: one for each 4 KiB of it.',
  io: 'Traffic with disks, each second.',
  timeout: 'Wall time, pauses not counted.',
  output: 'Output that is kept, both streams together.',
} as const;

export const OutputPolicy = builder.enumType('OutputPolicy', {
  description: 'What becomes of output beyond its limit.',
  values: {
    KILL: { description: 'It ends the job.' },
    TRUNCATE: {
      description:
        'The first half of the limit is kept, and of the rest the end, from a quarter to half of the limit: what lies between is dropped and counted. The end is in the log when the job has ended.',
    },
  } as const satisfies Record<(typeof OUTPUT_POLICIES)[number], object>,
});

const IoLimitType = builder.objectRef<IoLimit>('IoLimit').implement({
  description: 'What a job may move between memory and one disk in a second; null: as much as it can.',
  fields: (t) => ({
    device: t.exposeString('device', { description: 'The number of a whole disk, such as "8:0".' }),
    readBps: t.expose('readBps', { type: 'ByteSize', nullable: true }),
    writeBps: t.expose('writeBps', { type: 'ByteSize', nullable: true }),
    readIops: t.exposeFloat('readIops', { nullable: true }),
    writeIops: t.exposeFloat('writeIops', { nullable: true }),
  }),
});

export const LimitsType = builder.objectRef<Limits>('Limits').implement({
  description: 'What bounds a job. Null: nobody asked for it, or this server cannot enforce it.',
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { nullable: true, description: HELP.cpus }),
    cpuWeight: t.exposeInt('cpuWeight', { nullable: true, description: HELP.cpuWeight }),
    cpuset: t.exposeString('cpuset', { nullable: true, description: HELP.cpuset }),
    cpuTime: t.expose('cpuTime', { type: 'Duration', nullable: true, description: HELP.cpuTime }),
    memory: t.expose('memory', { type: 'ByteSize', nullable: true, description: HELP.memory }),
    memoryHigh: t.expose('memoryHigh', { type: 'ByteSize', nullable: true, description: HELP.memoryHigh }),
    swap: t.expose('swap', { type: 'ByteSize', nullable: true }),
    pids: t.exposeInt('pids', { nullable: true, description: HELP.pids }),
    disk: t.expose('disk', { type: 'ByteSize', description: HELP.disk }),
    inodes: t.exposeInt('inodes', { nullable: true, description: HELP.inodes }),
    io: t.field({ type: [IoLimitType], description: HELP.io, resolve: ({ io }) => [...io] }),
    timeout: t.expose('timeout', { type: 'Duration', description: HELP.timeout }),
    output: t.expose('output', { type: 'ByteSize', description: HELP.output }),
    outputPolicy: t.expose('outputPolicy', { type: OutputPolicy }),
  }),
});

const IoLimitInput = builder.inputType('IoLimitInput', {
  description: 'What a job may move between memory and one disk in a second: at least one of the four.',
  fields: (t) => ({
    device: t.string({
      description:
        'A disk by its path, such as "/dev/sda", or by its number, such as "8:0"; a partition stands for its disk. Default: the disk of the state folder.',
    }),
    readBps: t.field({ type: 'ByteSize', description: 'Bytes.' }),
    writeBps: t.field({ type: 'ByteSize', description: 'Bytes.' }),
    readIops: t.int({ description: 'Operations.' }),
    writeIops: t.int({ description: 'Operations.' }),
  }),
});

export const LimitsInput = builder.inputType('LimitsInput', {
  description: "What bounds a job; what is left out takes the server's default.",
  fields: (t) => ({
    cpus: t.float({ description: HELP.cpus }),
    cpuWeight: t.int({ description: HELP.cpuWeight }),
    cpuset: t.string({ description: HELP.cpuset }),
    cpuTime: t.field({ type: 'Duration', description: HELP.cpuTime }),
    memory: t.field({ type: 'ByteSize', description: HELP.memory }),
    memoryHigh: t.field({ type: 'ByteSize', description: HELP.memoryHigh }),
    swap: t.field({ type: 'ByteSize' }),
    pids: t.int({ description: HELP.pids }),
    disk: t.field({ type: 'ByteSize', description: HELP.disk }),
    inodes: t.int({ description: HELP.inodes }),
    io: t.field({ type: [IoLimitInput], description: HELP.io }),
    timeout: t.field({ type: 'Duration', description: HELP.timeout }),
    output: t.field({ type: 'ByteSize', description: HELP.output }),
    outputPolicy: t.field({ type: OutputPolicy, description: 'Default KILL.' }),
  }),
});
