/** Checks the files that a job is to be given. */

import { badInput } from './errors.ts';
import { checkAll, checkEach } from './faults.ts';
import type { FileContent } from './file.ts';
import type { InputFile } from './job.ts';
import type { Image } from './offer.ts';
import type { FileRequest, SubmitRequest } from './service.ts';
import {
  checkByteLength,
  checkCharacters,
  checkUnicode,
  LONGEST_FILE_NAME_BYTES,
  LONGEST_PATH_BYTES,
} from './text-checks.ts';

/** Files of one job: each is a mount of its cell. */
const MOST_FILES = 100;
/** Of all paths: they are read with every list of jobs. */
const MOST_PATH_BYTES = 16 * 1024;
const DEFAULT_MODE = '0644';
/** Paths that every cell mounts itself. */
const COVERED = ['/proc', '/sys', '/dev'];

/** Looks up the contents of files that were not sent with the request. */
export type FindContent = (id: string) => FileContent | undefined;

/** What files are checked against. */
export interface FilesContext {
  readonly image: () => Image;
  readonly find: FindContent;
  /** Bytes of standard input and files together that a job may be sent with. */
  readonly mostInlineBytes: number;
}

/** The bytes of a file that comes with a job; `undefined` for one that was uploaded. */
export const inlineContent = ({ content }: FileRequest): Uint8Array | undefined => {
  if (typeof content === 'string') return Buffer.from(content);
  return content instanceof Uint8Array ? content : undefined;
};

/** The ids of the contents that files refer to. */
export const fileIds = ({ files = [] }: SubmitRequest): readonly string[] =>
  files.flatMap(({ content }) =>
    typeof content === 'string' || content instanceof Uint8Array ? [] : [content.file],
  );

/** @throws ClientError with every file that is at fault */
export const checkFiles = (
  files: readonly FileRequest[],
  digestOf: (content: Uint8Array) => string,
  context: FilesContext,
): readonly InputFile[] => {
  if (files.length > MOST_FILES)
    throw badInput('input.files', `at most ${MOST_FILES} files`, `${files.length}`);
  const paths = new Set<string>();
  const checked: InputFile[] = [];
  checkEach(files, (file, index) => {
    const field = `input.files[${index}]`;
    const { path, mode, content } = checkAll({
      path: () => checkPath(`${field}.path`, file.path, paths, context),
      mode: () => checkMode(`${field}.mode`, file.mode),
      content: () => checkContent(field, file, digestOf, context),
    });
    checked.push({ path, mode, ...content });
  });
  const inner = checked.findIndex(({ path }) => parentsOf(path).some((parent) => paths.has(parent)));
  if (inner !== -1)
    throw badInput(`input.files[${inner}].path`, 'a path below no other file', checked[inner]?.path);
  const length = checked.reduce((sum, { path }) => sum + Buffer.byteLength(path), 0);
  if (length > MOST_PATH_BYTES)
    throw badInput('input.files', `paths of at most ${MOST_PATH_BYTES} bytes together`, `${length} bytes`);
  const bytes = checked.reduce((sum, { inline, sizeBytes }) => sum + (inline ? sizeBytes : 0), 0);
  if (bytes > context.mostInlineBytes)
    throw badInput(
      'input.files',
      `at most ${context.mostInlineBytes} bytes in text and bytes together: upload larger files`,
      `${bytes} bytes`,
    );
  return checked;
};

/** The folders of a path, the root not counted. */
export const parentsOf = (path: string): readonly string[] => {
  const names = path.split('/').slice(1, -1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
};

const checkPath = (field: string, path: string, seen: Set<string>, { image }: FilesContext): string => {
  checkCharacters(field, path);
  if (!path.startsWith('/')) throw badInput(field, 'an absolute path', path);
  checkByteLength(field, path, LONGEST_PATH_BYTES);
  const names = path.slice(1).split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    throw badInput(field, 'a path without empty names, "." and ".."', path);
  const longest = names.find((name) => Buffer.byteLength(name) > LONGEST_FILE_NAME_BYTES);
  if (longest !== undefined)
    throw badInput(field, `names of at most ${LONGEST_FILE_NAME_BYTES} bytes`, longest);
  if (COVERED.some((folder) => path === folder || path.startsWith(`${folder}/`)))
    throw badInput(field, `a path outside of ${COVERED.join(', ')}`, path);
  if (image().isFolder(path)) throw badInput(field, 'a path that is no folder of the image', path);
  if (seen.has(path)) throw badInput(field, 'unique paths', path);
  seen.add(path);
  return path;
};

const checkMode = (field: string, mode = DEFAULT_MODE): number => {
  const value = /^0?[0-7]{3}$/.test(mode) ? Number.parseInt(mode, 8) : 0;
  // Its owner can read it.
  if ((value & 0o400) === 0) throw badInput(field, 'octal digits from "0400" to "0777"', mode);
  return value;
};

const checkContent = (
  field: string,
  request: FileRequest,
  digestOf: (content: Uint8Array) => string,
  { find }: FilesContext,
): Omit<InputFile, 'path' | 'mode'> => {
  const { content } = request;
  if (typeof content === 'string') checkUnicode(`${field}.text`, content);
  const bytes = inlineContent(request);
  if (bytes !== undefined) return { sha256: digestOf(bytes), sizeBytes: bytes.length, inline: true };
  const id = (content as { readonly file: string }).file;
  const found = find(id);
  if (found === undefined)
    throw badInput(`${field}.file`, 'the id of a file that you have uploaded here', id);
  return { sha256: found.sha256, sizeBytes: found.sizeBytes, inline: false };
};
