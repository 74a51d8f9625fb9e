/** The command `cloister artifacts`, and how `run` downloads the artifacts of its job. */

import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { downloadArtifact } from '../download.ts';
import { CliError } from '../errors.ts';
import { size as sizeText } from '../format.ts';
import { type ArtifactDetailsFragment as Artifact, JobArtifactsDocument } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { findJobId } from '../job-id.ts';
import { note, print } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { type Cell, tableLines } from '../table.ts';

/** The flags of `cloister artifacts`. */
export interface ArtifactsFlags extends ListFlags {
  readonly download?: string;
}

/**
 * `cloister artifacts`: lists what was kept of a job, or downloads it.
 *
 * @param names of the artifacts; none: all
 * @returns the exit code: 1 when one that was asked for was not kept
 * @throws CliError for a name that the job has no artifact of
 */
export const artifacts = async (
  config: ClientConfig,
  job: string,
  names: readonly string[],
  flags: ArtifactsFlags,
): Promise<number> => {
  formatOf(flags);
  const connection = await connect(config);
  const id = await findJobId(connection, job);
  const all = await artifactsOf(connection, id);
  for (const name of names)
    if (!all.some((artifact) => artifact.name === name))
      throw new CliError(
        `expected ${all.map((artifact) => inert(artifact.name)).join(', ') || 'no name, as the job has no artifacts'}, got ${inert(name)}`,
      );
  const wanted = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  if (flags.download === undefined) {
    await printList(wanted, flags, () => artifactTable(wanted, process.stdout.columns));
    return 0;
  }
  let code = 0;
  for (const artifact of wanted) {
    if (artifact.sha256 !== null)
      await print(inert(await downloadArtifact(connection, id, artifact, flags.download)));
    else if (artifact.error !== null || names.includes(artifact.name)) {
      code = 1;
      await note(notKept(artifact));
    }
  }
  return code;
};

/** Reports on stderr what could not be kept; the rest is written into a folder, if one is given. */
export const takeArtifacts = async (
  connection: Connection,
  jobId: string,
  folder: string | undefined,
): Promise<void> => {
  for (const artifact of await artifactsOf(connection, jobId)) {
    if (artifact.error !== null) await note(notKept(artifact));
    else if (artifact.sha256 !== null && folder !== undefined)
      await downloadArtifact(connection, jobId, artifact, folder);
  }
};

const artifactsOf = async (connection: Connection, id: string): Promise<readonly Artifact[]> => {
  const { job } = await request(connection, JobArtifactsDocument, { id });
  if (job === null) throw new CliError(`no job with id ${JSON.stringify(id)}`);
  return job.artifacts;
};

const notKept = ({ name, path, error }: Artifact): string =>
  `artifact ${inert(name)} was not kept: ${inert(path)}: ${error ?? 'nothing is there'}`;

const artifactTable = (all: readonly Artifact[], width: number | undefined): string =>
  tableLines([HEADER, ...all.map(row)], width);

const HEADER: readonly Cell[] = ['NAME', 'SIZE', 'STATE', 'SHA-256'].map((text) => ({ text }));

const row = ({ name, size, error, sha256 }: Artifact): readonly Cell[] => [
  { text: inert(name) },
  { text: size === null ? '-' : sizeText(size) },
  { text: error ?? (sha256 === null ? '-' : 'kept') },
  { text: sha256 ?? '-' },
];
