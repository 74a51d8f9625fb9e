/** The mutation createUpload. */
import type { UploadLink } from '../access/authorized-files.ts';
import { isDigest } from '../jobs/file.ts';
import { builder, identify } from './builder.ts';
import { wellFormed } from './scalars.ts';

const CreateUploadInput = builder.inputType('CreateUploadInput', {
  description: 'The input of `createUpload`.',
  fields: (t) => ({
    size: t.field({ type: 'ByteSize', required: true, description: 'Bytes of the content.' }),
    sha256: t.string({
      description:
        'The SHA-256 of the content, as 64 hexadecimal digits in lower case. With it, an upload that was broken off can be continued, and content that is already there need not be sent.',
    }),
  }),
});

interface Created extends UploadLink {
  readonly baseUrl: string;
  readonly isPresent: boolean;
}

const CreateUploadPayload = builder.objectRef<Created>('CreateUploadPayload').implement({
  description: 'The result of `createUpload`.',
  fields: (t) => ({
    file: t.id({
      description:
        'The id by which `files` of `submitJob` refers to the content once it has been uploaded: its SHA-256, if that was given.',
      resolve: ({ ticket }) => ticket.id,
    }),
    url: t.string({
      description:
        'The URL to `PUT` the bytes to, without a token. It is valid for this content only, until `expiresAt`. `Content-Range` continues an upload; `HEAD` answers with `Upload-Offset`.',
      resolve: ({ baseUrl, ticket, query }) => `${baseUrl}/files/${ticket.id}?${query}`,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When the link expires. An upload that has begun may take longer.',
      resolve: ({ ticket }) => ticket.expiresAt,
    }),
    present: t.boolean({
      description: 'Whether the caller has uploaded this content before, so that nothing has to be sent.',
      resolve: ({ isPresent }) => isPresent,
    }),
  }),
});

builder.mutationField('createUpload', (t) =>
  t.field({
    type: CreateUploadPayload,
    description:
      'Creates a link for uploading the content of a file for jobs. The server keeps one copy of it for each subject, as long as a job needs it and for a while after its last use (`cloister serve --keep-files`).',
    args: {
      input: t.arg({ type: CreateUploadInput, required: true, description: 'What will be uploaded.' }),
    },
    resolve: async (_root, { input }, context) => {
      const identity = identify(context);
      const sizeBytes = wellFormed('input.size', input.size) ?? 0;
      const sha256 = input.sha256 ?? undefined;
      const link = await context.files.createLink(identity, {
        sizeBytes,
        ...(sha256 !== undefined && { sha256 }),
      });
      const found =
        sha256 !== undefined && isDigest(sha256) ? await context.files.find(identity, sha256) : undefined;
      return { ...link, baseUrl: context.baseUrl, isPresent: found?.kind === 'complete' };
    },
  }),
);
