/** The documents of an image: manifests, lists of them, and configurations, of OCI and of Docker. */

import { createHash } from 'node:crypto';
import { type ImageDefaults, NO_DEFAULTS } from '../jobs/image.ts';
import type { EnvVar } from '../jobs/job.ts';
import { fault } from './fault.ts';

/** A layer of an image that is to be added. */
export interface LayerSource {
  /** Hexadecimal digits: the SHA-256 of its archive, not compressed. */
  readonly diffId: string;
  /** The digest of the archive as it comes, `sha256:...`; `null`: none is known. */
  readonly digest: string | null;
  /** The archive as it comes: a tar, perhaps compressed. */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** An image that is to be added. */
export interface ImageSource {
  readonly digest: string;
  readonly defaults: ImageDefaults;
  /** From the lowest to the uppermost. */
  readonly layers: readonly LayerSource[];
}

/** A reference to a blob (OCI image specification, "Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly platform: { readonly os: string; readonly architecture: string } | null;
}

/** An overlay of the kernel has at most 500 lower layers; one is for the mount points that an image may lack. */
const MOST_LAYERS = 499;
/** Bytes of a manifest or a configuration: what registries accept. */
export const LARGEST_DOCUMENT_BYTES = 4 * 1024 * 1024;
const LONGEST_TEXT_BYTES = 128 * 1024;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses a document, which has to be an object.
 *
 * @throws ImageFault that names `what`, for text that is not JSON, or not an object
 */
export const parseDocument = (what: string, text: string): Fields => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault(what, 'JSON', text.slice(0, 40));
  }
  return objectOf(what, value);
};

const objectOf = (what: string, value: unknown): Fields => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fault(what, 'an object', value);
  return value as Fields;
};

/**
 * The elements of a list; none when it is missing.
 *
 * @throws ImageFault that names `what`, if the value is not a list
 */
export const listOf = (what: string, value: unknown): readonly unknown[] => {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw fault(what, 'a list', value);
  return value;
};

const textOf = (what: string, value: unknown): string => {
  if (typeof value !== 'string' || value.includes('\0') || Buffer.byteLength(value) > LONGEST_TEXT_BYTES)
    throw fault(what, 'text without NUL bytes', value);
  return value;
};

const SHA256 = /^sha256:[0-9a-f]{64}$/;

/**
 * The digest of a blob, which is SHA-256 everywhere.
 *
 * @throws ImageFault that names `what`, for any other digest
 */
export const checkDigest = (what: string, value: unknown): string => {
  if (typeof value !== 'string' || !SHA256.test(value))
    throw fault(what, 'sha256: and 64 hexadecimal digits', value);
  return value;
};

/** The digest of a text or of bytes. */
export const digestOfBytes = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * Reads a descriptor.
 *
 * @throws ImageFault that names `what`, if one of its fields is malformed
 */
export const descriptorOf = (what: string, value: unknown): Descriptor => {
  const { mediaType, digest, size, platform } = objectOf(what, value);
  const found = platform === undefined || platform === null ? null : objectOf(`${what}.platform`, platform);
  if (!(Number.isSafeInteger(size) && Number(size) >= 0))
    throw fault(`${what}.size`, 'a number of bytes', size);
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    digest: checkDigest(`${what}.digest`, digest),
    sizeBytes: Number(size),
    platform: found && {
      os: textOf(`${what}.platform.os`, found['os']),
      architecture: textOf(`${what}.platform.architecture`, found['architecture']),
    },
  };
};

/** The processor of this machine, as images name it. */
export const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

/** Whether a document is a list of manifests. */
export const isIndex = ({ mediaType, manifests }: Fields): boolean =>
  mediaType === 'application/vnd.oci.image.index.v1+json' ||
  mediaType === 'application/vnd.docker.distribution.manifest.list.v2+json' ||
  manifests !== undefined;

/**
 * The manifest of a list that this machine can run.
 *
 * @throws ImageFault unless there is exactly one
 */
export const choosePlatform = (what: string, index: Fields): Descriptor => {
  const all = listOf(`${what}.manifests`, index['manifests']).map((each, at) =>
    descriptorOf(`${what}.manifests[${at}]`, each),
  );
  const fits = all.filter(
    ({ platform }) =>
      platform === null || (platform.os === 'linux' && platform.architecture === ARCHITECTURE),
  );
  const [first, ...more] = fits;
  if (first === undefined) {
    const offered = all.map(({ platform }) => `${platform?.os}/${platform?.architecture}`).join(', ');
    throw fault(what, `an image for linux/${ARCHITECTURE}`, offered);
  }
  // Variants of one processor: the first is the plain one.
  if (more.some(({ platform }) => platform === null)) throw fault(what, 'one image', `${fits.length} images`);
  return first;
};

/**
 * Parses a manifest: the descriptors of configuration and layers.
 *
 * @throws ImageFault that names `what`
 */
export const readManifest = (
  what: string,
  manifest: Fields,
): { readonly config: Descriptor; readonly layers: readonly Descriptor[] } => {
  if (manifest['schemaVersion'] !== 2 || manifest['config'] === undefined)
    throw fault(what, 'a manifest of an image with schemaVersion 2', manifest['schemaVersion']);
  const layers = listOf(`${what}.layers`, manifest['layers']).map((each, at) =>
    descriptorOf(`${what}.layers[${at}]`, each),
  );
  return { config: descriptorOf(`${what}.config`, manifest['config']), layers };
};

/**
 * Parses a configuration: the defaults of the image and the digests of its layers.
 *
 * @param layers how many layers the manifest names
 * @throws ImageFault if it does not match the manifest, or is for another machine
 */
export const readConfig = (
  what: string,
  config: Fields,
  layers: number,
): { readonly defaults: ImageDefaults; readonly diffIds: readonly string[] } => {
  const { os = 'linux', architecture = ARCHITECTURE } = config;
  if (os !== 'linux' || architecture !== ARCHITECTURE)
    throw fault(what, `an image for linux/${ARCHITECTURE}`, `${String(os)}/${String(architecture)}`);
  const rootfs = objectOf(`${what}.rootfs`, config['rootfs'] ?? {});
  const diffIds = listOf(`${what}.rootfs.diff_ids`, rootfs['diff_ids']).map((id, at) =>
    checkDigest(`${what}.rootfs.diff_ids[${at}]`, id).slice('sha256:'.length),
  );
  if (diffIds.length !== layers || layers < 1 || layers > MOST_LAYERS)
    throw fault(
      `${what}.rootfs.diff_ids`,
      `from 1 to ${MOST_LAYERS} layers, as many as the manifest has`,
      `${diffIds.length} for ${layers}`,
    );
  const own = config['config'];
  return {
    defaults:
      own === undefined || own === null ? NO_DEFAULTS : defaultsOf(`${what}.config`, objectOf(what, own)),
    diffIds,
  };
};

const defaultsOf = (what: string, config: Fields): ImageDefaults => {
  const [first, ...rest] = [
    ...listOf(`${what}.Entrypoint`, config['Entrypoint']),
    ...listOf(`${what}.Cmd`, config['Cmd']),
  ].map((word) => textOf(`${what}.Entrypoint and Cmd`, word));
  const user = textOf(`${what}.User`, config['User'] ?? '');
  const workdir = textOf(`${what}.WorkingDir`, config['WorkingDir'] ?? '');
  return {
    env: envOf(`${what}.Env`, config['Env']),
    command: first === undefined || first === '' ? null : [first, ...rest],
    user: user === '' ? null : user,
    workdir: workdir.startsWith('/') && workdir !== '/' ? workdir : null,
  };
};

const MOST_VARIABLES = 1000;

const envOf = (what: string, value: unknown): readonly EnvVar[] => {
  const variables = new Map<string, string>();
  const all = listOf(what, value);
  if (all.length > MOST_VARIABLES) throw fault(what, `at most ${MOST_VARIABLES} variables`, all.length);
  for (const each of all) {
    const text = textOf(what, each);
    const at = text.indexOf('=');
    if (at < 1) throw fault(what, 'NAME=VALUE', text);
    variables.set(text.slice(0, at), text.slice(at + 1));
  }
  return [...variables].map(([name, value]) => ({ name, value }));
};
