/** The types JobInputFile and FileInput: a file that a job is given. */

import { isUtf8 } from 'node:buffer';
import { badInput } from '../jobs/errors.ts';
import type { Faults } from '../jobs/faults.ts';
import type { InputFile, Job } from '../jobs/job.ts';
import type { FileRequest } from '../jobs/service.ts';
import { formatMode } from '../units.ts';
import { builder, identify } from './builder.ts';
import type { Context } from './context.ts';
import { type Malformed, wellFormed } from './scalars.ts';

/** A file of a job. */
export interface FileOfJob extends InputFile {
  readonly job: Job;
}

export const JobInputFile = builder.objectRef<FileOfJob>('JobInputFile').implement({
  description: 'A file that a job finds in its cell, which nobody in the cell can change.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Its absolute path in the cell.' }),
    mode: t.string({
      description: 'Its permissions, as four octal digits such as "0644".',
      resolve: ({ mode }) => formatMode(mode),
    }),
    text: t.string({
      nullable: true,
      description:
        'The text that came with the job; null for bytes that are not UTF-8, and for an uploaded file.',
      resolve: async (file, _args, context, { rootValue }) =>
        (await readContent(file, context, rootValue, isUtf8))?.toString() ?? null,
    }),
    bytes: t.field({
      type: 'Base64',
      nullable: true,
      description: 'The bytes that came with the job, if they are not UTF-8; otherwise null.',
      resolve: (file, _args, context, { rootValue }) =>
        readContent(file, context, rootValue, (content) => !isUtf8(content)),
    }),
    file: t.id({
      nullable: true,
      description: 'The id of the content, if it was uploaded; null if it came with the job.',
      resolve: ({ inline, sha256 }) => (inline ? null : sha256),
    }),
    size: t.expose('sizeBytes', { type: 'ByteSize', description: 'Bytes of the content.' }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of the content, in hexadecimal digits.' }),
  }),
});

/** What came with a job, if it is of that kind; it counts against the answer only then. */
const readContent = async (
  { job, ...file }: FileOfJob,
  context: Context,
  answer: unknown,
  isWanted: (content: Buffer) => boolean,
): Promise<Buffer | null> => {
  if (!file.inline) return null;
  const read = async (): Promise<Buffer | null> => {
    const content = await context.jobs.inputFile(identify(context), job, file);
    return isWanted(content) ? content : null;
  };
  return context.budget.read(answer, file.sizeBytes, read, (content) => content?.length ?? 0);
};

export const FileInput = builder.inputType('FileInput', {
  description: 'A file for the cell of a job. Exactly one of `text`, `bytes` and `file` is required.',
  fields: (t) => ({
    path: t.string({
      required: true,
      description:
        'Where the job finds it: an absolute path of at most 4095 bytes, without "." and "..", not in /proc, /sys or /dev. Folders that do not exist are made.',
    }),
    text: t.string({ description: 'The content as text, which counts with `stdin` against `--max-stdin`.' }),
    bytes: t.field({ type: 'Base64', description: 'The content as bytes; counts as `text` does.' }),
    file: t.id({ description: 'The id of content that the caller has uploaded: see `createUpload`.' }),
    mode: t.string({
      description:
        'Its permissions, as octal digits from "0400" to "0777"; the file is read-only whatever they say. Default "0644".',
    }),
  }),
});

/**
 * The files that an input stands for.
 *
 * @param faults collects the files whose content is missing, malformed or given twice; they are left out
 */
export const filesRequest = (
  files: readonly (typeof FileInput.$inferInput)[],
  faults: Faults,
): readonly FileRequest[] =>
  files.flatMap(({ path, mode, ...source }, index) => {
    const content = faults.collect(() => contentOf(source, `input.files[${index}]`));
    return content === undefined ? [] : [{ path, content, ...(mode != null && { mode }) }];
  });

const contentOf = (
  source: {
    readonly text?: string | null | undefined;
    readonly bytes?: Uint8Array | Malformed | null | undefined;
    readonly file?: string | number | null | undefined;
  },
  field: string,
): FileRequest['content'] => {
  const bytes = wellFormed(`${field}.bytes`, source.bytes);
  const given = Object.entries({ text: source.text, bytes, file: source.file }).filter(
    ([, value]) => value !== undefined && value !== null,
  );
  if (given.length !== 1) {
    const names = given.map(([name]) => name).join(' and ');
    throw badInput(field, 'exactly one of text, bytes and file', names === '' ? 'none' : names);
  }
  return source.text ?? bytes ?? { file: String(source.file) };
};
