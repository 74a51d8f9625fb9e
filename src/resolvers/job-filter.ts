/** The input JobFilter: which jobs a list or a stream is about. */
import { badInput } from '../jobs/errors.ts';
import { checkAll } from '../jobs/faults.ts';
import type { JobFilter as Filter } from '../jobs/store.ts';
import { signalName, signalNumber } from '../signals.ts';
import { builder } from './builder.ts';
import { JobStatus, LimitKind } from './job.ts';
import { LabelInput } from './label.ts';
import { wellFormed } from './scalars.ts';

export const JobFilter = builder.inputType('JobFilter', {
  description: 'Selects jobs: every field that is given must match. An empty filter matches all jobs.',
  fields: (t) => ({
    status: t.field({ type: [JobStatus], description: 'Jobs in one of these states.' }),
    name: t.string({ description: 'Jobs with exactly this name.' }),
    image: t.string({ description: 'Jobs that run in the image of this name.' }),
    owner: t.string({ description: 'Jobs that this subject submitted.' }),
    label: t.field({ type: LabelInput, description: 'Jobs with this label, key and value.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Jobs submitted after this time.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Jobs submitted before this time.' }),
    idPrefix: t.string({
      description:
        'Jobs whose id begins with this: 1 to 35 characters, of hexadecimal digits and "-". For a whole id there is `job`.',
    }),
    failed: t.boolean({
      description:
        'True: jobs that are LIMIT_EXCEEDED, LOST or FAILED, or COMPLETED without the exit code 0. A job that was stopped did not fail. False sets no condition.',
    }),
    exitCode: t.int({ description: 'Jobs whose command exited with this code.' }),
    signal: t.string({
      description: 'Jobs whose command this signal ended, by name or number: "SIGKILL", "KILL", "9".',
    }),
    limitExceeded: t.field({ type: LimitKind, description: 'Jobs that exceeded this limit.' }),
  }),
});

/**
 * The fields that were given.
 *
 * @throws ClientError `BAD_USER_INPUT` for a malformed time, id or signal
 */
export const toFilter = (asked: typeof JobFilter.$inferInput | null | undefined): Filter => {
  const { createdAfter, createdBefore, idPrefix, signal } = checkAll({
    createdAfter: () => wellFormed('filter.createdAfter', asked?.createdAfter),
    createdBefore: () => wellFormed('filter.createdBefore', asked?.createdBefore),
    idPrefix: () => toIdPrefix(asked?.idPrefix ?? undefined),
    signal: () => toSignal(asked?.signal ?? undefined),
  });
  return {
    ...(asked?.status && { status: asked.status }),
    ...(typeof asked?.name === 'string' && { name: asked.name }),
    ...(typeof asked?.image === 'string' && { image: asked.image }),
    ...(typeof asked?.owner === 'string' && { owner: asked.owner }),
    ...(asked?.label && { label: asked.label }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
    ...(idPrefix !== undefined && { idPrefix }),
    ...(asked?.failed && { failed: true }),
    ...(typeof asked?.exitCode === 'number' && { exitCode: asked.exitCode }),
    ...(signal !== undefined && { signal }),
    ...(asked?.limitExceeded && { limitExceeded: asked.limitExceeded }),
  };
};

const toIdPrefix = (text: string | undefined): string | undefined => {
  if (text !== undefined && !/^[0-9a-f-]{1,35}$/i.test(text))
    throw badInput('filter.idPrefix', 'the beginning of an id: 1 to 35 hexadecimal digits and "-"', text);
  return text?.toLowerCase();
};

/** The name of a signal under which jobs are kept. */
const toSignal = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
  const number = signalNumber(text);
  if (number === undefined)
    throw badInput('filter.signal', 'a signal by its name or number, such as "SIGKILL" or "9"', text);
  return signalName(number);
};
