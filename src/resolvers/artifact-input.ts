/** The type ArtifactInput: what is to be kept of the cell of a job. */
import { builder } from './builder.ts';

export const ArtifactInput = builder.inputType('ArtifactInput', {
  description: 'A file or folder of the cell that is kept when the job has ended, however it ended.',
  fields: (t) => ({
    path: t.string({
      required: true,
      description:
        'An absolute path in the cell, without "." and "..", of at most 4095 bytes. A folder is kept as a tar archive, and so is what matches a pattern: "*", "?" and "[...]" stand for characters of a name, "**" for any folders, and a backslash makes the next character literal. Links are followed within the cell. Mounted file systems, such as /dev/shm, are not kept.',
    }),
    name: t.string({
      description:
        'The name to download it by, without slashes, of at most 255 bytes, each name once. Default: the last name of the path, with ".tar" for a folder; a pattern needs one.',
    }),
    optional: t.boolean({ description: 'It may be missing without an error. Default false.' }),
  }),
});
