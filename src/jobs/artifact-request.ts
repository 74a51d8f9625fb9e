/** Checks the artifacts of a submission. */

import { type ArtifactSpec, pathNames, possibleNames, splitPattern } from './artifact.ts';
import { badInput } from './errors.ts';
import { checkAll, checkEach } from './faults.ts';

/** An artifact as requested, before it is checked. */
export interface ArtifactRequest {
  readonly path: string;
  readonly name?: string;
  /** Default false. */
  readonly optional?: boolean;
}

/** The exit record has room for so many, as the launcher knows (`ARTIFACTS_MOST`). */
export const MOST_ARTIFACTS = 32;
// PATH_MAX with the closing NUL (path_resolution(7)), and NAME_MAX.
const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;

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
  checkText(field, path, LONGEST_PATH);
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
  checkText(field, name, LONGEST_NAME);
  if (name === '' || name === '.' || name === '..' || /[/\\\p{Cc}]/u.test(name))
    throw badInput(field, 'the name of a file, without slashes and control characters', name);
};

const checkText = (field: string, text: string, most: number): void => {
  if (text.includes('\0')) throw badInput(field, 'text without NUL bytes', text);
  if (!text.isWellFormed()) throw badInput(field, 'text without unpaired surrogates', text);
  const bytes = Buffer.byteLength(text);
  if (bytes > most) throw badInput(field, `at most ${most} bytes`, `${bytes} bytes`);
};
