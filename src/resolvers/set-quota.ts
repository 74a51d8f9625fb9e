/** The mutation setQuota. */

import type { Quota, QuotaRequest } from '../access/quotas.ts';
import { builder, identify } from './builder.ts';
import { QuotaType } from './quota.ts';
import { wellFormed } from './scalars.ts';

const BOUND = 'A number sets it, null resets it to the default; left out, it stays as it is.';

const SetQuotaInput = builder.inputType('SetQuotaInput', {
  description: 'The input of `setQuota`.',
  fields: (t) => ({
    subject: t.string({ required: true, description: 'Whose quotas are changed.' }),
    runningJobs: t.int({ description: `Jobs that run at the same time. ${BOUND}` }),
    queuedJobs: t.int({ description: `Jobs that wait. ${BOUND}` }),
    cpus: t.float({ description: `CPUs that the limits of running jobs may add up to. ${BOUND}` }),
    memory: t.field({
      type: 'ByteSize',
      description: `Bytes of memory that the limits of running jobs may add up to. ${BOUND}`,
    }),
    submissionsPerMinute: t.int({ description: `Submissions in a minute. ${BOUND}` }),
    storage: t.field({
      type: 'ByteSize',
      description: `Bytes that jobs that have ended may take on the disk. ${BOUND}`,
    }),
    files: t.field({
      type: 'ByteSize',
      description: `Bytes of files that it may have uploaded for jobs. ${BOUND}`,
    }),
    subscriptions: t.int({ description: `Subscriptions at the same time. ${BOUND}` }),
    connections: t.int({ description: `Connections at the same time. ${BOUND}` }),
  }),
});

const SetQuotaPayload = builder.objectRef<{ readonly quota: Quota }>('SetQuotaPayload').implement({
  description: 'The result of `setQuota`.',
  fields: (t) => ({
    quota: t.field({
      type: QuotaType,
      description: 'The quotas from now on.',
      resolve: ({ quota }) => quota,
    }),
  }),
});

builder.mutationField('setQuota', (t) =>
  t.field({
    type: SetQuotaPayload,
    description:
      'Changes the quotas of a subject from now on. What it already has beyond them stays. For an ADMIN only.',
    args: {
      input: t.arg({ type: SetQuotaInput, required: true, description: 'Whose quotas, and which.' }),
    },
    resolve: async (_root, { input }, context) => {
      const { memory, storage, files, subject, ...numbers } = input;
      const sizes = {
        ...(memory !== undefined && { memoryBytes: sizeOf('input.memory', memory) }),
        ...(storage !== undefined && { storageBytes: sizeOf('input.storage', storage) }),
        ...(files !== undefined && { filesBytes: sizeOf('input.files', files) }),
      };
      const given = Object.entries({ ...numbers, ...sizes }).filter(([, value]) => value !== undefined);
      const request = { subject, ...Object.fromEntries(given) } as QuotaRequest;
      return { quota: await context.quotas.set(identify(context), request) };
    },
  }),
);

const sizeOf = (field: string, size: Parameters<typeof wellFormed<number>>[1]): number | null =>
  wellFormed(field, size) ?? null;
