import type { Evidence, LimitHit } from '../jobs/job.ts';
import { builder } from './builder.ts';

const EvidenceType = builder.objectRef<Evidence>('CgroupEvidence').implement({
  description: "A number that the kernel kept in a file of the job's cgroup.",
  fields: (t) => ({
    file: t.exposeString('file', { description: 'Such as "memory.events".' }),
    key: t.exposeString('key', {
      nullable: true,
      description: 'Such as "oom_kill"; null where the file holds nothing but the number.',
    }),
    value: t.exposeFloat('value'),
  }),
});

export const LimitHitType = builder.objectRef<LimitHit>('LimitHit').implement({
  description: 'A limit that a job ran into.',
  fields: (t) => ({
    limit: t.exposeString('limit', {
      description:
        'Its name in LimitsInput, such as "memory"; "ceiling": that of all jobs together, or the end of the machine\'s memory.',
    }),
    value: t.exposeFloat('value', { nullable: true, description: 'The limit; null for "ceiling".' }),
    peak: t.exposeFloat('peak', {
      nullable: true,
      description: 'The most that was seen; null where nothing measures it.',
    }),
    unit: t.exposeString('unit', {
      description: 'Of value and peak: "bytes", "milliseconds", "processes" or "CPUs".',
    }),
    ended: t.exposeBoolean('ended', {
      description: 'It ended the job; otherwise it only held the job back.',
    }),
    evidence: t.field({ type: [EvidenceType], resolve: ({ evidence }) => [...evidence] }),
    message: t.exposeString('message', {
      description: 'A sentence for people: which limit, its value, what was seen.',
    }),
  }),
});
