/** Checks the artifacts of a submission. */

import { type ArtifactSpec, pathNames, possibleNames, splitPattern } from './artifact.ts';
import { badInput } from './errors.ts';
import { checkAll, checkEach } from './faults.ts';
import {
  checkByteLength,
  checkCharacters,
  LONGEST_FILE_NAME_BYTES,
  LONGEST_PATH_BYTES,
} from './text-checks.ts';

/** An artifact as requested, before it is checked. */
export interface ArtifactRequest {
  readonly path: string;
  readonly name?: string;
  /** Default false. */
  readonly optional?: boolean;
}

/** The exit record has room for this many (`ARTIFACTS_MOST` of the launcher). */
export const MOST_ARTIFACTS = 32;

/** @throws ClientError that names what is wrong with each of them */
export const checkArtifacts = (requests: readonly ArtifactRequest[]): readonly ArtifactSpec[] => {
  if (requests.length > MOST_ARTIFACTS)
    throw badInput('input.artifacts', `at most ${MOST_ARTIFACTS} artifacts`, `${requests.length}`);
  const specs: ArtifactSpec[] = [];
  const taken = new Map<string, number>();
  checkEach(requests, ({ path, name, optional }, index) => {
    const field = `input.artifacts[${index}]`;
    checkAll({
      path: () => checkPath(`${field}.path`, path),
      name: () => name !== undefined && checkName(`${field}.name`, name),
    });
    if (name === undefined && splitPattern(path).pattern !== '')
      throw badInput(`${field}.name`, 'a name for the archive of what matches the pattern', 'none');
    const spec = { path, name: name ?? null, optional: optional ?? false };
    for (const possible of possibleNames(spec)) {
      const other = taken.get(possible);
      if (other !== undefined && other !== index)
        throw badInput(`${field}.name`, `another name than that of artifacts[${other}]`, possible);
      taken.set(possible, index);
    }
    specs.push(spec);
  });
  return specs;
};

const checkPath = (field: string, path: string): void => {
  checkCharacters(field, path);
  checkByteLength(field, path, LONGEST_PATH_BYTES);
  if (!path.startsWith('/')) throw badInput(field, 'an absolute path', path);
  const names = pathNames(path);
  if (names.length === 0) throw badInput(field, 'a path below "/"', path);
  if (names.some((name) => name === '.' || name === '..'))
    throw badInput(field, 'a path without "." and ".."', path);
  if (names.filter((name) => name === '**').length > 1)
    throw badInput(field, 'at most one "**" in a pattern', path);
};

/** A name of a file on the machine of the client that downloads it. */
const checkName = (field: string, name: string): void => {
  checkCharacters(field, name);
  checkByteLength(field, name, LONGEST_FILE_NAME_BYTES);
  if (name === '' || name === '.' || name === '..' || /[/\\\p{Cc}]/u.test(name))
    throw badInput(field, 'the name of a file, without slashes and control characters', name);
};
