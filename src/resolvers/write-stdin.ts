/** The mutation writeStdin. */
import { badInput } from '../jobs/errors.ts';
import { checkAll } from '../jobs/faults.ts';
import type { StdinWritten } from '../jobs/stdin.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { JOB_ID_HELP } from './job-payload.ts';
import { wellFormed } from './scalars.ts';

const WriteStdinInput = builder.inputType('WriteStdinInput', {
  description: 'The input of `writeStdin`. At most one of `text` and `bytes`, of at most 1 MiB.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    offset: t.field({
      type: 'ByteSize',
      required: true,
      description:
        'How many bytes were written before these; 0 for the first write. The text of `stdin` does not count.',
    }),
    text: t.string({ description: 'Text to write, as UTF-8.' }),
    bytes: t.field({ type: 'Base64', description: 'Bytes to write.' }),
    endOfInput: t.boolean({
      defaultValue: false,
      description: 'Whether standard input ends after these bytes.',
    }),
  }),
});

const WriteStdinPayload = builder.objectRef<StdinWritten>('WriteStdinPayload').implement({
  description: 'The result of `writeStdin`.',
  fields: (t) => ({
    accepted: t.expose('acceptedBytes', {
      type: 'ByteSize',
      description:
        'How many of the bytes have been accepted, from the first on, by this request or by an earlier one. Send the rest again, with an `offset` that is higher by this number. 0 when the command has read nothing for some seconds, or has not started.',
    }),
    offset: t.expose('totalBytes', {
      type: 'ByteSize',
      description:
        'How many bytes the job has accepted in total, from all writers: the `offset` of the next write. A write of no bytes at offset 0 returns it.',
    }),
    job: t.field({ type: JobNode, description: 'The job.', resolve: ({ job }) => job }),
  }),
});

builder.mutationField('writeStdin', (t) =>
  t.field({
    type: WriteStdinPayload,
    description:
      'Writes to the standard input of a job that was submitted with `openStdin`. Repeating a request whose answer was lost is safe: bytes that were accepted are not written again. The last 1 MiB is kept for that, and an `offset` before it is an error. Accepts less than was sent when the command does not read fast enough. An `offset` beyond what was accepted is an error. Fails with STDIN_CLOSED after the end of the input, with JOB_NOT_RUNNING when the job has ended.',
    args: {
      input: t.arg({ type: WriteStdinInput, required: true, description: 'Which job, and what to write.' }),
    },
    resolve: (_root, { input }, context) => {
      const identity = identify(context);
      const { offset, bytes } = checkAll({
        offset: () => wellFormed('input.offset', input.offset) ?? 0,
        bytes: () => bytesOf(input.text, wellFormed('input.bytes', input.bytes)),
      });
      const write = { offset, bytes, endOfInput: input.endOfInput === true };
      return context.jobs.writeStdin(identity, input.jobId, write, context.over);
    },
  }),
);

const bytesOf = (text: string | null | undefined, bytes: Uint8Array | undefined): Uint8Array => {
  if (typeof text !== 'string') return bytes ?? new Uint8Array(0);
  if (bytes !== undefined) throw badInput('input', 'at most one of text and bytes', 'both');
  if (!text.isWellFormed()) throw badInput('input.text', 'text without unpaired surrogates', text);
  return Buffer.from(text);
};
