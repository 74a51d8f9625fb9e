/** Fetches images from registries (OCI distribution specification). */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fault, ImageFault } from './fault.ts';
import {
  choosePlatform,
  type Descriptor,
  digestOfBytes,
  type ImageSource,
  isIndex,
  LARGEST_DOCUMENT_BYTES,
  parseDocument,
  readConfig,
  readManifest,
} from './oci.ts';
import { parseReference, type Reference } from './reference.ts';

/** How an image is fetched. */
export interface FetchOptions {
  /** A URL to use in place of Docker Hub; `undefined`: none. */
  readonly mirror: string | undefined;
  /** A file of credentials as docker writes it, `config.json`; `undefined`: none. */
  readonly credentialsFile: string | undefined;
  /** The folder that blobs are downloaded into. */
  readonly folder: string;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  /** Whether a layer is here already, by its diff id. */
  has(diffId: string): boolean;
  /** The most bytes that all layers together may have, compressed as they come. */
  readonly mostBytes: number;
  /** Called with the bytes that have arrived, and those that are expected in all. */
  progress(received: number, total: number): void;
}

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const ATTEMPTS = 4;
const MOST_REDIRECTS = 5;

/**
 * Fetches an image: its documents, and the layers that are not here yet.
 *
 * @throws ImageFault if the registry fails, refuses, or sends content that does not match its digest
 */
export const fetchImage = async (text: string, options: FetchOptions): Promise<ImageSource> => {
  const reference = parseReference(text);
  const registry = await Registry.open(reference, options);
  let { digest, document } = await registry.manifest(reference.tag);
  if (isIndex(document))
    ({ digest, document } = await registry.manifest(choosePlatform(digest, document).digest));
  const { config, layers } = readManifest(digest, document);
  const configText = await registry.document(config);
  const { defaults, diffIds } = readConfig(
    config.digest,
    parseDocument(config.digest, configText),
    layers.length,
  );
  const needed = layers.filter((_, at) => !options.has(diffIds[at] ?? ''));
  const total = needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total > options.mostBytes) throw fault('image', `layers of at most ${options.mostBytes} bytes`, total);
  let received = 0;
  for (const layer of needed) {
    const before = received;
    await registry.download(layer, (bytes) => options.progress(before + bytes, total));
    received += layer.sizeBytes;
  }
  return {
    digest,
    defaults,
    layers: layers.map((layer, at) => ({
      diffId: diffIds[at] ?? '',
      digest: layer.digest,
      open: () => createReadStream(registry.pathOf(layer)),
    })),
  };
};

interface Credentials {
  readonly user: string;
  readonly password: string;
}

class Registry {
  readonly #base: URL;
  readonly #reference: Reference;
  readonly #options: FetchOptions;
  readonly #credentials: Credentials | undefined;
  #authorization: string | undefined;

  private constructor(base: URL, reference: Reference, options: FetchOptions, credentials?: Credentials) {
    this.#base = base;
    this.#reference = reference;
    this.#options = options;
    this.#credentials = credentials;
  }

  static async open(reference: Reference, options: FetchOptions): Promise<Registry> {
    const { mirror, credentialsFile } = options;
    const isHub = reference.registry === 'docker.io';
    const host = isHub ? 'registry-1.docker.io' : reference.registry;
    // As docker does: a registry on this machine needs no certificate.
    const local = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|$)/.test(host);
    const base = new URL(isHub && mirror !== undefined ? mirror : `${local ? 'http' : 'https'}://${host}`);
    const names = isHub
      ? [base.host, 'https://index.docker.io/v1/', 'index.docker.io', 'docker.io']
      : [reference.registry];
    return new Registry(base, reference, options, await readCredentials(credentialsFile, names));
  }

  /** A manifest or a list of them, by tag or digest. */
  async manifest(tag: string): Promise<{ digest: string; document: Readonly<Record<string, unknown>> }> {
    const { repository } = this.#reference;
    const response = await this.#get(`${repository}/manifests/${tag}`, { accept: MANIFESTS });
    const text = await this.#text(response, tag);
    const digest = digestOfBytes(text);
    if (tag.startsWith('sha256:') && digest !== tag) throw lied(tag, digest);
    const named = response.headers.get('docker-content-digest');
    if (named?.startsWith('sha256:') && named !== digest) throw lied(named, digest);
    return { digest, document: parseDocument(digest, text.toString('utf8')) };
  }

  /** A small blob. */
  async document({ digest, sizeBytes }: Descriptor): Promise<string> {
    if (sizeBytes > LARGEST_DOCUMENT_BYTES)
      throw fault(digest, `at most ${LARGEST_DOCUMENT_BYTES} bytes`, sizeBytes);
    const text = await this.#text(await this.#get(`${this.#reference.repository}/blobs/${digest}`), digest);
    const actual = digestOfBytes(text);
    if (actual !== digest) throw lied(digest, actual);
    return text.toString('utf8');
  }

  pathOf({ digest }: Descriptor): string {
    return join(this.#options.folder, digest.replace(':', '-'));
  }

  /** Downloads a blob to its path, and resumes when the connection breaks. */
  async download(blob: Descriptor, progress: (bytes: number) => void): Promise<void> {
    let failure: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const actual = await this.#append(blob, progress);
        if (actual === undefined) continue;
        if (actual !== blob.digest) throw lied(blob.digest, actual);
        return;
      } catch (error) {
        this.#options.signal.throwIfAborted();
        // An answer of the registry would be the same again; a broken connection may work the next time.
        if (error instanceof ImageFault && !(error instanceof Interrupted)) throw error;
        if (isOfDisk(error)) throw error;
        failure = error;
      }
    }
    throw failure instanceof ImageFault ? failure : broken(blob.digest, failure);
  }

  /** @returns the digest of the whole blob; `undefined` when what was there could not be continued */
  async #append({ digest, sizeBytes }: Descriptor & { digest: string }, progress: (bytes: number) => void) {
    const path = this.pathOf({ digest } as Descriptor);
    const hash = createHash('sha256');
    let have = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    if (have > sizeBytes) have = 0;
    if (have > 0) for await (const chunk of createReadStream(path, { end: have - 1 })) hash.update(chunk);
    if (have < sizeBytes) {
      const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
      const response = await this.#get(`${this.#reference.repository}/blobs/${digest}`, range);
      if (have > 0 && response.status !== 206) {
        // The registry does not continue at an offset: the blob is downloaded from its beginning.
        await response.body?.cancel();
        await using emptied = await open(path, 'w', 0o600);
        await emptied.truncate(0);
        return undefined;
      }
      await using file = await open(path, have > 0 ? 'a' : 'w', 0o600);
      for await (const chunk of this.#chunks(response, digest)) {
        have += chunk.length;
        if (have > sizeBytes) throw fault(digest, `${sizeBytes} bytes`, 'more');
        hash.update(chunk);
        await file.write(chunk);
        progress(have);
      }
      if (have < sizeBytes)
        throw new Interrupted(`${digest}: the registry sent ${have} of ${sizeBytes} bytes`);
    }
    return `sha256:${hash.digest('hex')}`;
  }

  async #text(response: Response, what: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.#chunks(response, what)) {
      bytes += chunk.length;
      if (bytes > LARGEST_DOCUMENT_BYTES)
        throw fault(what, `at most ${LARGEST_DOCUMENT_BYTES} bytes`, 'more');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** The body of a response; one that stalls is an error. */
  async *#chunks(response: Response, what: string): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    if (reader === undefined) return;
    try {
      for (;;) {
        const { done, value } = await this.#inTime(reader.read(), what);
        if (done) return;
        yield value;
      }
    } catch (error) {
      throw error instanceof ImageFault
        ? error
        : new Interrupted(`${what}: the connection broke`, { cause: error });
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  async #inTime<T>(promise: Promise<T>, what: string): Promise<T> {
    const { silenceMs, signal } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Interrupted(`${what}: the registry sent nothing for ${silenceMs / 1000} s`)),
      silenceMs,
    );
    const abort = (): void => late.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Requests a path below `/v2/`, and signs in if the registry requires it. */
  async #get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const url = new URL(`/v2/${path}`, this.#base);
    let response = await this.#ask(url, headers);
    if (response.status === 401) {
      await response.body?.cancel();
      this.#authorization = await this.#signIn(response.headers.get('www-authenticate') ?? '');
      response = await this.#ask(url, headers);
    }
    if (response.ok) return response;
    const said = await this.#text(response, path).catch(() => Buffer.alloc(0));
    throw refused(this.#reference, path, response.status, said.toString('utf8'));
  }

  async #ask(first: URL, headers: Readonly<Record<string, string>>): Promise<Response> {
    let url = first;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      // Sent only to the registry itself: the target of a redirection, such as a store of blobs, must not see the
      // credentials.
      const own: Record<string, string> =
        url.origin === this.#base.origin && this.#authorization !== undefined
          ? { authorization: this.#authorization }
          : {};
      const response = await this.#fetch(url, { headers: { ...headers, ...own }, redirect: 'manual' });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || location === null) return response;
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && next.protocol !== this.#base.protocol)
        throw fault('registry', `a redirection to ${this.#base.protocol}`, next.protocol);
      url = next;
    }
    throw fault('registry', `at most ${MOST_REDIRECTS} redirections`, 'more');
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    const { signal } = this.#options;
    try {
      return await this.#inTime(fetch(url, { ...init, signal }), url.host);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof ImageFault ? error : broken(url.host, error);
    }
  }

  /** A token, or Basic credentials, as the registry asks for them. */
  async #signIn(challenge: string): Promise<string> {
    const scheme = /^\w+/.exec(challenge)?.[0].toLowerCase();
    const own = this.#credentials;
    const basic =
      own === undefined
        ? undefined
        : `Basic ${Buffer.from(`${own.user}:${own.password}`).toString('base64')}`;
    if (scheme === 'basic') {
      if (basic === undefined) throw unauthorized(this.#reference);
      return basic;
    }
    const fields = new Map(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
    );
    const realm = fields.get('realm') ?? '';
    if (scheme !== 'bearer' || !URL.canParse(realm)) throw unauthorized(this.#reference);
    const url = new URL(realm);
    if (url.protocol !== 'https:' && url.protocol !== this.#base.protocol)
      throw fault('registry', `a realm with ${this.#base.protocol}`, url.protocol);
    const service = fields.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${this.#reference.repository}:pull`);
    const response = await this.#fetch(url, basic === undefined ? {} : { headers: { authorization: basic } });
    if (!response.ok) {
      await response.body?.cancel();
      throw unauthorized(this.#reference);
    }
    const { token, access_token: accessToken } = parseDocument(
      'token',
      (await this.#text(response, 'token')).toString('utf8'),
    );
    const value = token ?? accessToken;
    if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw unauthorized(this.#reference);
    return `Bearer ${value}`;
  }
}

/** The connection broke, or nothing came over it: another attempt may succeed. */
class Interrupted extends ImageFault {}

const isOfDisk = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].includes(String(error.code));

const lied = (expected: string, got: string): ImageFault =>
  fault('registry', `the content of ${expected}`, `other content, ${got}`);

const broken = (what: string, error: unknown): Interrupted => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new Interrupted(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause: error,
  });
};

const unauthorized = ({ registry, repository }: Reference): ImageFault =>
  new ImageFault(
    `input.reference: ${registry} does not let this server read ${repository}: it does not exist, or needs credentials ` +
      'that are missing or wrong in the file of --registry-credentials',
  );

const refused = (reference: Reference, path: string, status: number, said: string): ImageFault => {
  if (status === 401 || status === 403) return unauthorized(reference);
  const { registry, repository, tag } = reference;
  if (status === 404)
    return new ImageFault(`input.reference: ${registry} has no ${repository}:${tag} (${path})`);
  return new ImageFault(`${registry} answered ${status} for ${path}: ${said.slice(0, 200)}`);
};

/** The credentials for one of these names, of a file that docker writes (`config.json`). */
const readCredentials = async (
  path: string | undefined,
  names: readonly string[],
): Promise<Credentials | undefined> => {
  if (path === undefined) return undefined;
  let file: Readonly<Record<string, unknown>>;
  try {
    file = parseDocument('the file of --registry-credentials', await readFile(path, 'utf8'));
  } catch {
    // The message has neither its content, which is secret, nor its path, which clients should not see.
    throw new ImageFault('the file of --registry-credentials cannot be read');
  }
  const auths = (file['auths'] ?? {}) as Readonly<Record<string, { auth?: unknown } | undefined>>;
  for (const name of names) {
    const auth = auths[name]?.auth;
    if (typeof auth !== 'string') continue;
    const [user = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
    return { user, password: password.join(':') };
  }
  return undefined;
};
