/** The type Receipt, Job.receipt, and the query receiptKeys. */
import { isApart, type Job } from '../jobs/job.ts';
import { commandBytes, envBytes } from '../jobs/payload.ts';
import type { Receipt, ReceiptKey } from '../receipts/signer.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

const ReceiptType = builder.objectRef<Receipt>('Receipt').implement({
  description:
    'What this server has observed of a job, signed with its key: digests of the log, the command and its settings, the confinement as the kernel reported it, limits and the result. It claims no more than that this server observed it.',
  fields: (t) => ({
    envelope: t.exposeString('envelope', {
      description:
        'The JSON of a DSSE envelope. Its payload is an in-toto statement with the predicate "urn:cloister:job-receipt:v1". `cloister verify` checks it without a server.',
    }),
    keyId: t.exposeString('keyId', {
      description: 'The id of the key in `receiptKeys` that has signed it.',
    }),
  }),
});

const ReceiptKeyType = builder.objectRef<ReceiptKey>('ReceiptKey').implement({
  description: 'A public key of Ed25519 that receipts of this server are verified with.',
  fields: (t) => ({
    keyId: t.exposeString('keyId', {
      description: 'The SHA-256 digest of the key as SubjectPublicKeyInfo in DER, in hexadecimal.',
    }),
    publicKey: t.exposeString('publicKey', { description: 'The key as PEM.' }),
    current: t.exposeBoolean('current', {
      description: 'Whether receipts are signed with it now; otherwise it is an earlier one.',
    }),
  }),
});

/** Bytes of everything in a receipt but command and environment, at most: names, limits, the limits hit. */
const REST_BYTES = 64 * 1024;

/** The most bytes of a receipt: escapes of JSON may make a text six times as long, and base64 adds a third. */
const mostBytes = ({ spec: { command, env } }: Job): number => {
  const texts =
    (command.kind === 'apart' ? command.bytes : commandBytes(command)) +
    (isApart(env) ? env.bytes : envBytes(env));
  return REST_BYTES + 2 * texts;
};

builder.objectField(JobNode, 'receipt', (t) =>
  t.field({
    type: ReceiptType,
    nullable: true,
    description:
      'The signed receipt of the job; null until it has ended. The whole log is read for the first one, so ask for few at once. For a link that shares the job, the environment is left out.',
    resolve: (job, _args, context, { rootValue }) =>
      context.budget.read(
        rootValue,
        mostBytes(job),
        () => context.jobs.receipt(identify(context), job),
        (receipt) => receipt?.envelope.length ?? 0,
      ),
  }),
);

builder.queryField('receiptKeys', (t) =>
  t.field({
    type: [ReceiptKeyType],
    description:
      'The public keys that receipts of this server were signed with: first the current one, then earlier ones.',
    resolve: (_root, _args, context) => [...context.jobs.receiptKeys(identify(context))],
  }),
);
