/** Downloads an archive and verifies it. */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ImageArchive } from './catalogue.ts';
import { ImageError, reasonOf, SourceUnavailable } from './errors.ts';
import type { Progress } from './progress.ts';
import { describeSource, type Source } from './sources.ts';

/** How an archive is downloaded. */
export interface DownloadOptions {
  readonly progress: Progress;
  /** Milliseconds until the first byte. Later silences may be three times as long. */
  readonly answerTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Downloads an archive from one source into `target` and verifies it.
 *
 * @throws SourceUnavailable if the source did not deliver (no connection, silence, an HTTP error, no such file)
 * @throws ImageError if it delivered something other than what is pinned
 */
export const download = async (
  source: Source,
  archive: ImageArchive,
  target: string,
  options: DownloadOptions,
): Promise<void> => {
  const hash = createHash('sha512');
  let received = 0;
  const silence = watchSilence(options.answerTimeoutMs);
  const signal = AbortSignal.any([silence.signal, ...(options.signal ? [options.signal] : [])]);
  const measured = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of delivered(source, signal, options.signal)) {
      silence.heard();
      received += chunk.length;
      // An impostor of the source must not be able to fill the disk.
      if (received > archive.size) throw wrongContent(source, archive, `more than ${archive.size} bytes`);
      hash.update(chunk);
      options.progress.update(received, archive.size);
      yield chunk;
    }
  };
  try {
    await pipeline(measured, createWriteStream(target, { flags: 'wx', mode: 0o600 }));
  } finally {
    silence.stop();
    options.progress.end();
  }
  const sha512 = hash.digest('hex');
  if (sha512 !== archive.sha512) {
    throw wrongContent(source, archive, `${received} bytes with sha512 ${sha512}`);
  }
};

/** The bytes of a source. Throws a SourceUnavailable, or the caller's own abort reason. */
const delivered = async function* (
  source: Source,
  signal: AbortSignal,
  cancelled: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source.kind === 'url' ? answerOf(source.url, signal) : createReadStream(source.path, { signal });
  } catch (error) {
    cancelled?.throwIfAborted();
    const reason = signal.aborted ? signal.reason : error;
    throw new SourceUnavailable(`${describeSource(source)}: ${reasonOf(reason)}`, { cause: error });
  }
};

const answerOf = async function* (url: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status} ${response.statusText}`.trimEnd());
  }
  yield* response.body;
};

/** Aborts its signal after a silence. A source that has responded once gets three times as long. */
const watchSilence = (milliseconds: number) => {
  const controller = new AbortController();
  const arm = (limit: number) =>
    setTimeout(() => {
      controller.abort(new Error(`silent for ${limit / 1000} s`));
    }, limit);
  let timer = arm(milliseconds);
  const stop = () => {
    clearTimeout(timer);
  };
  const heard = () => {
    stop();
    timer = arm(3 * milliseconds);
  };
  return { signal: controller.signal, heard, stop };
};

const wrongContent = (source: Source, archive: ImageArchive, got: string): ImageError =>
  new ImageError(
    `${describeSource(source)}: refused, it is not the archive of ${archive.name} ${archive.version}: ` +
      `expected ${archive.size} bytes with sha512 ${archive.sha512}, got ${got}`,
  );
