/** The type Artifact: what is kept of the cell of a job. */
import {
  ARTIFACT_ERRORS,
  type ARTIFACT_KINDS,
  type Artifact,
  type ArtifactError,
  isTaken,
  type TakenArtifact,
} from '../jobs/artifact.ts';
import type { Job } from '../jobs/job.ts';
import { formatMode } from '../units.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

const KindType = builder.enumType('ArtifactKind', {
  description: 'What an artifact is.',
  values: {
    FILE: { description: 'A file, as it was.' },
    ARCHIVE: {
      description:
        'A tar archive of a folder, or of what matched a pattern: files, folders, and links that stay within it.',
    },
  } as const satisfies Record<(typeof ARTIFACT_KINDS)[number], object>,
});

const ERRORS: Readonly<Record<ArtifactError, { readonly description: string }>> = {
  MISSING: { description: 'Nothing was at the path, or nothing matched the pattern.' },
  NOT_A_FILE: {
    description:
      'It is neither a file nor a folder of the root file system: a device, a pipe, a socket, links in a circle, something in /proc or /dev.',
  },
  TOO_LARGE: {
    description:
      'Together with the artifacts before it, it has more bytes than `limits.disk`, holes included.',
  },
  TOO_MANY_ENTRIES: { description: 'More than 100000 names are in the folders that had to be looked into.' },
  TOO_DEEP: { description: 'Folders are more than 256 deep, or a path has more than 4095 bytes.' },
  TOO_SLOW: { description: 'All artifacts together took longer than 60 seconds.' },
  DISK_FULL: { description: 'The disk of the server is full.' },
  UNREADABLE: { description: 'It could not be read: the disk, or the process that copies it, failed.' },
};

const ErrorType = builder.enumType('ArtifactError', {
  description: 'Why an artifact was not kept.',
  values: Object.fromEntries(ARTIFACT_ERRORS.map((name) => [name, ERRORS[name]])) as Record<
    ArtifactError,
    { readonly description: string }
  >,
});

/** An artifact and its job. */
interface Shown {
  readonly job: Job;
  readonly artifact: Artifact;
}

const taken = ({ artifact: { result } }: Shown): TakenArtifact | null => (isTaken(result) ? result : null);

const ArtifactType = builder.objectRef<Shown>('Artifact').implement({
  description: 'A file or folder of the cell of a job that is kept when the job has ended.',
  fields: (t) => ({
    path: t.string({
      description: 'The path, or pattern, that was asked for.',
      resolve: ({ artifact }) => artifact.spec.path,
    }),
    name: t.string({
      description: 'The name to download it by.',
      resolve: ({ artifact }) => artifact.name,
    }),
    optional: t.boolean({
      description: 'Whether it may be missing.',
      resolve: ({ artifact }) => artifact.spec.optional,
    }),
    kind: t.field({
      type: KindType,
      nullable: true,
      description: 'Its kind; like the fields below, null when there is nothing to download.',
      resolve: (shown) => taken(shown)?.kind ?? null,
    }),
    size: t.field({
      type: 'ByteSize',
      nullable: true,
      description: 'Bytes to download.',
      resolve: (shown) => taken(shown)?.sizeBytes ?? null,
    }),
    sha256: t.string({
      nullable: true,
      description: 'The SHA-256 of what is downloaded, as 64 hexadecimal digits.',
      resolve: (shown) => taken(shown)?.sha256 ?? null,
    }),
    mode: t.string({
      nullable: true,
      description: 'The permissions of the file or folder in octal, such as "0644".',
      resolve: (shown) => {
        const { mode } = taken(shown) ?? {};
        return mode === undefined ? null : formatMode(mode);
      },
    }),
    entries: t.int({
      nullable: true,
      description: 'How many files, folders and links are in the archive; null for a file.',
      resolve: (shown) => archive(shown)?.entries ?? null,
    }),
    skipped: t.int({
      nullable: true,
      description:
        'How many entries were left out of the archive: devices, pipes, sockets, and links that lead out of it. Null for a file.',
      resolve: (shown) => archive(shown)?.skipped ?? null,
    }),
    url: t.string({
      nullable: true,
      description:
        'A URL to download it from, valid for 15 minutes without a token. With a token, the URL works without its query for as long as the job is kept.',
      resolve: (shown, _args, { baseUrl, artifactLinks }) => {
        const { job, artifact } = shown;
        if (taken(shown) === null) return null;
        const { expires, signature } = artifactLinks.sign(job.id, artifact.name);
        const path = `/jobs/${job.id}/artifacts/${encodeURIComponent(artifact.name)}`;
        return `${baseUrl}${path}?expires=${expires}&signature=${signature}`;
      },
    }),
    error: t.field({
      type: ErrorType,
      nullable: true,
      description:
        'Why it was not kept; null when it was, when it was missing and `optional`, and when it was not looked for: the job has not ended, its command was never executed, or it is LOST.',
      resolve: ({ artifact: { spec, result } }) => {
        if (result === null || isTaken(result)) return null;
        return spec.optional && result.error === 'MISSING' ? null : result.error;
      },
    }),
  }),
});

const archive = (shown: Shown): TakenArtifact | null => {
  const found = taken(shown);
  return found?.kind === 'ARCHIVE' ? found : null;
};

builder.objectField(JobNode, 'artifacts', (t) =>
  t.field({
    type: [ArtifactType],
    description:
      'What is kept of the cell when the job has ended, in the order given at submission. One that is missing or could not be kept has an `error`, and changes neither status nor exit code of the job. Empty for those who see the job through a link.',
    resolve: (job, _args, context) =>
      context.jobs.artifacts(identify(context), job).map((artifact) => ({ job, artifact })),
  }),
);
