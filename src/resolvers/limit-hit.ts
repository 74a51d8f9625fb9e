/** The type LimitHit: a limit that a job reached, with the kernel's evidence. */
import type { Evidence, LimitHit } from '../jobs/job.ts';
import { builder } from './builder.ts';

const EvidenceType = builder.objectRef<Evidence>('CgroupEvidence').implement({
  description: "A counter in a file of the job's cgroup, as it stood at the end of the job.",
  fields: (t) => ({
    file: t.exposeString('file', { description: 'The file name, such as "memory.events".' }),
    key: t.exposeString('key', {
      nullable: true,
      description: 'The key in a file of several counters, such as "oom_kill"; null in a file of one number.',
    }),
    value: t.exposeFloat('value', { description: 'The counter, in the unit that the kernel uses there.' }),
  }),
});

export const LimitHitType = builder.objectRef<LimitHit>('LimitHit').implement({
  description: 'A limit that a job reached.',
  fields: (t) => ({
    limit: t.exposeString('limit', {
      description:
        'The name of the limit in LimitsInput, such as "memory"; "ceiling" for the limit of all jobs together, or when the host itself ran out of memory.',
    }),
    value: t.exposeFloat('value', {
      nullable: true,
      description: 'The value of the limit, in `unit`; null for "ceiling".',
    }),
    peak: t.exposeFloat('peak', {
      nullable: true,
      description: 'The highest value observed, in `unit`; null when it is not measured.',
    }),
    unit: t.exposeString('unit', {
      description: 'The unit of `value` and `peak`: "bytes", "milliseconds", "processes" or "CPUs".',
    }),
    ended: t.exposeBoolean('ended', {
      description:
        'Whether reaching the limit ended the job. Otherwise the job was only slowed down or refused.',
    }),
    evidence: t.field({
      type: [EvidenceType],
      description: 'The counters of the cgroup that show it; empty for limits that no cgroup enforces.',
      resolve: ({ evidence }) => [...evidence],
    }),
    message: t.exposeString('message', {
      description: 'A sentence for people: which limit, its value, what was observed.',
    }),
  }),
});
