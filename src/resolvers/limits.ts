import type { Limits } from '../store/job.ts';
import { builder } from './builder.ts';

export const LimitsType = builder.objectRef<Limits>('Limits').implement({
  description: 'What bounds a job. A limit that this server cannot enforce is null.',
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { nullable: true, description: "CPUs' worth of time: 0.5 is half a core." }),
    memory: t.expose('memory', { type: 'ByteSize', nullable: true }),
    swap: t.expose('swap', { type: 'ByteSize', nullable: true }),
    pids: t.exposeInt('pids', { nullable: true, description: 'Processes and threads at a time.' }),
    disk: t.expose('disk', { type: 'ByteSize', description: 'The writable layer of the root.' }),
    timeout: t.expose('timeout', { type: 'Duration', description: 'Wall time.' }),
    output: t.expose('output', {
      type: 'ByteSize',
      description: 'Output that is kept, both streams together.',
    }),
  }),
});

export const LimitsInput = builder.inputType('LimitsInput', {
  description: "What bounds a job; what is left out takes the server's default.",
  fields: (t) => ({
    cpus: t.float({ description: "CPUs' worth of time: 0.5 is half a core." }),
    memory: t.field({ type: 'ByteSize' }),
    swap: t.field({ type: 'ByteSize' }),
    pids: t.int({ description: 'Processes and threads at a time.' }),
    disk: t.field({ type: 'ByteSize', description: 'The writable layer of the root.' }),
    timeout: t.field({ type: 'Duration', description: 'Wall time.' }),
    output: t.field({ type: 'ByteSize', description: 'Output, both streams together.' }),
  }),
});
