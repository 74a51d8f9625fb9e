/** The artifacts of a job: files and folders of its cell that are kept when it has ended. */

/** What is kept, as it was asked for. */
export interface ArtifactSpec {
  /** Absolute: a file, a folder, or a pattern of glob(7) with `**` for any folders. */
  readonly path: string;
  /** `null`: the last name of the path, with `.tar` for a folder. */
  readonly name: string | null;
  /** It may be missing without an error. */
  readonly optional: boolean;
}

/** What an artifact is: a file as it was, or an archive (tar) of a folder or of what matches a pattern. */
export const ARTIFACT_KINDS = ['FILE', 'ARCHIVE'] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/** Why an artifact was not kept. */
export const ARTIFACT_ERRORS = [
  'MISSING',
  'NOT_A_FILE',
  'TOO_LARGE',
  'TOO_MANY_ENTRIES',
  'TOO_DEEP',
  'TOO_SLOW',
  'DISK_FULL',
  'UNREADABLE',
] as const;
export type ArtifactError = (typeof ARTIFACT_ERRORS)[number];

/** What was kept. */
export interface TakenArtifact {
  readonly kind: ArtifactKind;
  /** Permissions of the file or folder, such as 0o644. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** Files, folders and links in an archive; 0 for a file. */
  readonly entries: number;
  /** What was left out of it: devices, pipes, sockets, links that lead out of it. */
  readonly skipped: number;
}

/** What has become of an artifact when its job has ended. */
export type ArtifactResult = TakenArtifact | { readonly error: ArtifactError };

/** An artifact of a job, as far as it is known. */
export interface Artifact {
  /** Its place in the list of the job. */
  readonly index: number;
  readonly spec: ArtifactSpec;
  readonly name: string;
  /** `null`: the job has not ended, or has ended without a look at it. */
  readonly result: ArtifactResult | null;
}

/** Whether there is something to read. */
export const isTaken = (result: ArtifactResult | null): result is TakenArtifact =>
  result !== null && 'sha256' in result;

const ARCHIVE = '.tar';

/** The names that an artifact may get: one that was not asked for depends on what is found. */
export const possibleNames = ({ path, name }: ArtifactSpec): readonly string[] => {
  if (name !== null) return [name];
  const last = pathNames(path).at(-1) ?? '';
  return [last, `${last}${ARCHIVE}`];
};

/** The artifacts of a job, in the order in which they were asked for. */
export const artifactsOf = (
  specs: readonly ArtifactSpec[],
  results: readonly ArtifactResult[] = [],
): readonly Artifact[] =>
  specs.map((spec, index) => {
    const result = results[index] ?? null;
    const [plain = '', archive = plain] = possibleNames(spec);
    const name = isTaken(result) && result.kind === 'ARCHIVE' ? archive : plain;
    return { index, spec, name, result };
  });

/** The names in a path. */
export const pathNames = (path: string): readonly string[] => path.split('/').filter((name) => name !== '');

/**
 * Splits a path into the folder to search and the pattern below it. The pattern is empty for a path without one, all of
 * which is the first part.
 */
export const splitPattern = (path: string): { readonly folder: string; readonly pattern: string } => {
  const names = pathNames(path);
  const at = names.findIndex(isPattern);
  const fixed = at === -1 ? names : names.slice(0, at);
  return { folder: `/${fixed.join('/')}`, pattern: at === -1 ? '' : names.slice(at).join('/') };
};

/** In a pattern, a backslash makes the character after it literal. */
const isPattern = (name: string): boolean => /[*?[\\]/.test(name);
