/** Where archives come from: a mirror, or the address in `images.json`. */

import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ImageArchive } from './catalogue.ts';
import { ImageError } from './errors.ts';

/** A place that may have the archive. */
export type Source =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string };

/**
 * Where to look for an archive, in order: the mirror if there is one, then the address of `images.json`.
 *
 * @param mirror `CLOISTER_IMAGE_MIRROR`: the URL of a folder that holds the archives, or of the archive itself
 *   (ending in `.tar.gz`), or the path of such a folder or file
 * @throws ImageError when the mirror looks like a URL and is none
 */
export const sourcesOf = async (archive: ImageArchive, mirror: string | undefined): Promise<Source[]> => {
  const origin: Source = { kind: 'url', url: archive.url };
  if (mirror === undefined || mirror === '') return [origin];
  const file = basename(new URL(archive.url).pathname);
  if (/^https?:\/\//i.test(mirror)) {
    if (!URL.canParse(mirror)) {
      throw new ImageError(`CLOISTER_IMAGE_MIRROR: expected a URL or a path, got ${JSON.stringify(mirror)}`);
    }
    return [{ kind: 'url', url: mirrorUrl(mirror, file) }, origin];
  }
  const path = resolve(mirror);
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => !path.endsWith('.tar.gz'),
  );
  return [{ kind: 'file', path: isFolder ? join(path, file) : path }, origin];
};

/** A source as messages name it: its URL or path. */
export const describeSource = (source: Source): string => (source.kind === 'url' ? source.url : source.path);

const mirrorUrl = (mirror: string, file: string): string => {
  const url = new URL(mirror);
  if (!url.pathname.endsWith('.tar.gz')) {
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${file}`;
  }
  return url.href;
};
