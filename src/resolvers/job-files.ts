/** The files of a job: the field Job.files and the mutation writeFile. */

import { isUtf8 } from 'node:buffer';
import { bytesOfText, isUnicode, textOfBytes } from '../byte-text.ts';
import { badInput } from '../jobs/errors.ts';
import { checkAll } from '../jobs/faults.ts';
import { DEFAULT_ENTRIES, DEFAULT_PART_BYTES, type FileList, type FilePart } from '../jobs/files.ts';
import type { Job } from '../jobs/job.ts';
import type { FILE_KINDS, FileEntry } from '../runtime/cell-file.ts';
import { formatMode } from '../units.ts';
import { OVERHEAD } from './answer-budget.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { JOB_ID_HELP } from './job-payload.ts';
import { wellFormed } from './scalars.ts';

const PATH_HELP =
  'An absolute path in the cell, of at most 4095 bytes. Links are followed, except those of /proc that lead to what a process has open.';

const FileType = builder.enumType('FileType', {
  description: 'What kind of thing a file is.',
  values: {
    FILE: { description: 'A regular file.' },
    FOLDER: { description: 'A folder.' },
    LINK: { description: 'A symbolic link.' },
    FIFO: { description: 'A named pipe.' },
    SOCKET: { description: 'A Unix socket.' },
    DEVICE: { description: 'A device.' },
  } as const satisfies Record<(typeof FILE_KINDS)[number], object>,
});

const JobFile = builder.objectRef<FileEntry>('JobFile').implement({
  description: 'A file or folder in the cell of a job.',
  fields: (t) => ({
    name: t.string({
      description:
        'Its name in its folder. If it is not UTF-8, `nameBytes` has it, and here each byte that belongs to no character is U+FFFD.',
      resolve: ({ name }) => name.toWellFormed(),
    }),
    nameBytes: t.field({
      type: 'Base64',
      nullable: true,
      description: 'The name, if it is not UTF-8; otherwise null.',
      resolve: ({ name }) => (isUnicode(name) ? null : bytesOfText(name)),
    }),
    type: t.field({ type: FileType, description: 'What it is.', resolve: ({ kind }) => kind }),
    size: t.expose('sizeBytes', {
      type: 'ByteSize',
      description: 'Its length. Files of /proc and /sys say 0 or 4096, whatever they hold.',
    }),
    mode: t.string({
      description: 'Permissions in octal, such as "0644".',
      resolve: ({ mode }) => formatMode(mode),
    }),
    modifiedAt: t.expose('modifiedAt', {
      type: 'DateTime',
      description: 'When its content was changed last.',
    }),
    uid: t.float({ description: 'The id of its owner in the cell.', resolve: ({ uid }) => uid }),
    gid: t.float({ description: 'The id of its group in the cell.', resolve: ({ gid }) => gid }),
    target: t.string({
      nullable: true,
      description: 'Where a link leads, as it is written in the link; null for everything else.',
      resolve: ({ target }) => target?.toWellFormed() ?? null,
    }),
    targetBytes: t.field({
      type: 'Base64',
      nullable: true,
      description: 'The same, if it is not UTF-8; otherwise null.',
      resolve: ({ target }) => (target === null || isUnicode(target) ? null : bytesOfText(target)),
    }),
  }),
});

const FileContent = builder.objectRef<FilePart>('FileContent').implement({
  description: 'A part of a file.',
  fields: (t) => ({
    offset: t.expose('offsetBytes', { type: 'ByteSize', description: 'Where in the file it begins.' }),
    bytes: t.field({ type: 'Base64', description: 'The bytes.', resolve: ({ bytes }) => bytes }),
    text: t.string({
      nullable: true,
      description: 'The same as text; null when these bytes are not UTF-8.',
      resolve: ({ bytes }) => (isUtf8(bytes) ? bytes.toString() : null),
    }),
    endOfFile: t.exposeBoolean('isEnd', {
      description:
        'Whether the file ended after these bytes. If not, continue at `offset` plus the number of these bytes.',
    }),
  }),
});

const FilePageInfo = builder.objectRef<FileList>('FilePageInfo').implement({
  description: 'Where a page of a folder ends.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasMore', {
      description: 'Whether the folder has more entries after these.',
    }),
    endCursor: t.string({
      nullable: true,
      description: 'The cursor of the last entry: pass as `after` to continue. Null when there is no entry.',
      resolve: ({ entries }) => {
        const last = entries.at(-1);
        return last === undefined ? null : cursorOf(last.name);
      },
    }),
  }),
});

interface At extends FileList {
  readonly job: Job;
  readonly path: string | Uint8Array;
}

const JobFiles = builder.objectRef<At>('JobFiles').implement({
  description: 'What is at a path in the cell of a job.',
  fields: (t) => ({
    file: t.field({
      type: JobFile,
      description: 'The file or folder itself, or what a link there leads to.',
      resolve: ({ file }) => file,
    }),
    nodes: t.field({
      type: [JobFile],
      description:
        'One page of the entries of a folder, sorted by the bytes of their names, without "." and ".."; links are not followed. Empty for everything else.',
      resolve: ({ entries }) => [...entries],
    }),
    pageInfo: t.field({ type: FilePageInfo, description: 'Where the page ends.', resolve: (files) => files }),
    content: t.field({
      type: FileContent,
      nullable: true,
      description:
        'Part of the content of a regular file, read now; null for anything else. A file that changes in the meantime is read as it is at that moment.',
      args: {
        offset: t.arg({ type: 'ByteSize', description: 'Where to begin. Default 0.' }),
        length: t.arg({
          type: 'ByteSize',
          description: 'The most bytes to return, from 1 to 1Mi. Default 64Ki.',
        }),
      },
      resolve: ({ job, path, file }, args, context, { rootValue }) => {
        if (file.kind !== 'FILE') return null;
        const { offset, length } = checkAll({
          offset: () => wellFormed('offset', args.offset) ?? 0,
          length: () => wellFormed('length', args.length) ?? DEFAULT_PART_BYTES,
        });
        const request = { path, offsetBytes: offset, lengthBytes: length };
        const read = () => context.jobs.readFile(identify(context), job.id, request);
        return context.budget.read(rootValue, length, read, ({ bytes }) => bytes.length);
      },
    }),
  }),
});

/** What an entry takes of an answer, where its names are as long as most are. */
const ENTRY_BYTES = 4 * OVERHEAD;

builder.objectFields(JobNode, (t) => ({
  files: t.field({
    type: JobFiles,
    nullable: true,
    description:
      'A file or folder in the cell of a running job, or of one that has ended and was submitted with `keepRoot`, seen with the rights of its command. For those who may control the job. Fails with JOB_NOT_RUNNING in any other state, with UNAVAILABLE while it is paused and when the files were not kept, with NOT_FOUND when nothing is at the path. Once the job has ended, /proc, /sys and /dev are empty, and so are the files that it was given. Of a command that `execInJob` started: the files of the job.',
    args: {
      path: t.arg.string({ required: true, description: PATH_HELP }),
      pathBytes: t.arg({ type: 'Base64', description: 'The path as bytes, for one that is not UTF-8.' }),
      first: t.arg.int({ description: 'Entries of a folder, from 1 to 1000. Default 100.' }),
      after: t.arg.string({ description: 'The `endCursor` of a page: what follows it.' }),
    },
    resolve: async (job, args, context, { rootValue }) => {
      const { path, after } = checkAll({
        path: () => wellFormed('pathBytes', args.pathBytes) ?? args.path,
        after: () => (typeof args.after === 'string' ? nameOf(args.after) : ''),
      });
      const limit = args.first ?? DEFAULT_ENTRIES;
      const read = () => context.jobs.listFiles(identify(context), job.id, { path, limit, after });
      const list = await context.budget.read(rootValue, ENTRY_BYTES * limit, read, listBytes);
      return { job, path, ...list };
    },
  }),
}));

const listBytes = ({ entries }: FileList): number =>
  entries.reduce((sum, { name, target }) => sum + name.length + (target?.length ?? 0) + OVERHEAD, 0);

const cursorOf = (name: string): string => bytesOfText(name).toString('base64url');

const nameOf = (cursor: string): string => {
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') !== cursor || bytes.includes(0))
    throw badInput('after', 'a cursor from a page of files', cursor);
  return textOfBytes(bytes);
};

const WriteFileInput = builder.inputType('WriteFileInput', {
  description:
    'The input of `writeFile`. Exactly one of `path` and `pathBytes`, and of `text`, `bytes`, `folder`, `link` and `linkBytes`, is required.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    path: t.string({ description: PATH_HELP }),
    pathBytes: t.field({ type: 'Base64', description: 'The same as bytes, for a path that is not UTF-8.' }),
    text: t.string({ description: 'What to write, as UTF-8; at most 1 MiB.' }),
    bytes: t.field({ type: 'Base64', description: 'What to write, as bytes; at most 1 MiB.' }),
    folder: t.boolean({ description: 'Make a folder instead; one that exists is left as it is.' }),
    link: t.string({
      description: 'Make a symbolic link that leads there instead. Nothing may be at the path yet.',
    }),
    linkBytes: t.field({ type: 'Base64', description: 'The same as bytes, if it is not UTF-8.' }),
    moveTo: t.string({
      description:
        'An absolute path on the same file system: the file or link is renamed to it when it has been written, in place of a file that is there. A file that is written in several parts, the last one with `moveTo`, is seen there only when it is complete. Not for a folder, and not in a request that is repeated.',
    }),
    moveToBytes: t.field({ type: 'Base64', description: 'The same as bytes, if it is not UTF-8.' }),
    mode: t.string({
      description:
        'Permissions in octal, such as "0755". Default: those that the file has; 0644 for a new one, 0755 for a folder.',
    }),
    offset: t.field({
      type: 'ByteSize',
      description:
        'Where in the file to write the bytes; the file ends after them. At most its current length. Default 0: they replace its content.',
    }),
    append: t.boolean({ description: 'Write at the present end of the file. Not with `offset`.' }),
    parents: t.boolean({ description: 'Make the folders of the path that are missing. Default false.' }),
  }),
});

const WriteFilePayload = builder
  .objectRef<{ readonly job: Job; readonly file: FileEntry }>('WriteFilePayload')
  .implement({
    description: 'The result of `writeFile`.',
    fields: (t) => ({
      job: t.field({ type: JobNode, description: 'The job.', resolve: ({ job }) => job }),
      file: t.field({ type: JobFile, description: 'What is at the path now.', resolve: ({ file }) => file }),
    }),
  });

builder.mutationField('writeFile', (t) =>
  t.field({
    type: WriteFilePayload,
    description:
      'Writes a regular file in the cell of a running job, or makes a folder there, with the rights of the command and within the limits of the job. A request with `offset` can be repeated safely. A longer file is written in several requests, each at the offset where the last one ended. Fails with JOB_NOT_RUNNING when the job does not run, with UNAVAILABLE while it is paused and when its disk is full.',
    args: {
      input: t.arg({ type: WriteFileInput, required: true, description: 'Which job, where, and what.' }),
    },
    resolve: (_root, { input }, context) => {
      const identity = identify(context);
      const { path, bytes, offset, link, moveTo } = checkAll({
        path: () => pathOf('input.path', input.path, wellFormed('input.pathBytes', input.pathBytes)),
        link: () => optionalPath('input.link', input.link, wellFormed('input.linkBytes', input.linkBytes)),
        moveTo: () =>
          optionalPath('input.moveTo', input.moveTo, wellFormed('input.moveToBytes', input.moveToBytes)),
        bytes: () =>
          contentOf(input.text, wellFormed('input.bytes', input.bytes), {
            folder: input.folder === true,
            link: (input.link ?? input.linkBytes ?? undefined) !== undefined,
          }),
        offset: () => wellFormed('input.offset', input.offset),
      });
      return context.jobs.writeFile(identity, input.jobId, {
        path,
        bytes,
        append: input.append === true,
        parents: input.parents === true,
        ...(typeof input.mode === 'string' && { mode: input.mode }),
        ...(offset !== undefined && { offsetBytes: offset }),
        ...(link !== undefined && { link }),
        ...(moveTo !== undefined && { moveTo }),
      });
    },
  }),
);

type GivenPath = string | Uint8Array;

const pathOf = (field: string, path: string | null | undefined, bytes: Uint8Array | undefined): GivenPath => {
  const given = optionalPath(field, path, bytes);
  if (given === undefined) throw badInput(field, 'a path', given);
  return given;
};

const optionalPath = (
  field: string,
  path: string | null | undefined,
  bytes: Uint8Array | undefined,
): GivenPath | undefined => {
  if (bytes !== undefined && typeof path === 'string' && path !== textOfBytes(bytes).toWellFormed())
    throw badInput(field, `the text of ${field.replace(/^.*\./, '')}Bytes, or none`, path);
  return bytes ?? path ?? undefined;
};

/** @returns `null` for a folder and for a link */
const contentOf = (
  text: string | null | undefined,
  bytes: Uint8Array | undefined,
  other: { readonly folder: boolean; readonly link: boolean },
): Uint8Array | null => {
  const given = [typeof text === 'string', bytes !== undefined, other.folder, other.link].filter(Boolean);
  if (given.length !== 1)
    throw badInput('input', 'one of text, bytes, folder and link', given.length === 0 ? 'none' : 'several');
  if (other.folder || other.link) return null;
  if (bytes !== undefined) return bytes;
  if (text?.isWellFormed() === false) throw badInput('input.text', 'text without unpaired surrogates', text);
  return Buffer.from(text ?? '');
};
