/** Images from registries: a real one, and one that misbehaves. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeParts, manifestOf, type Parts, sha256, tar } from '../support/archives.ts';
import { freePort } from '../support/free-port.ts';
import { TestServer } from '../support/server.ts';

const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;
const CREDENTIALS = `Basic ${Buffer.from('reader:secret').toString('base64')}`;
// htpasswd(1) of "reader" and "secret".
const HTPASSWD = 'reader:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

let folder: string;
let server: TestServer;
let registry: ChildProcess;
let host: string;
let fake: FakeRegistry;

const image = (text: string): Parts =>
  makeParts(
    [tar([{ path: 'lower', content: 'x'.repeat(100_000) }]), tar([{ path: 'text', content: text }])],
    {},
    gzipSync,
  );

/** The registry of Debian, installed or unpacked by test-setup. */
const program = (): string => {
  const own = join(import.meta.dirname, '..', '..', '.tools', 'proxies', 'usr', 'bin', 'docker-registry');
  return existsSync(own) ? own : 'docker-registry';
};

const startRegistry = async (): Promise<void> => {
  const port = await freePort();
  host = `127.0.0.1:${port}`;
  writeFileSync(join(folder, 'htpasswd'), HTPASSWD);
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'registry') } },
    http: { addr: host },
    auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'registry.yml'), JSON.stringify(settings));
  registry = spawn(program(), ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' });
  const answers = () =>
    fetch(`http://${host}/v2/`).then(
      ({ status }) => status,
      () => 0,
    );
  await vi.waitFor(async () => expect(await answers()).toBe(401), { timeout: 100_000 });
};

const put = async (path: string, body: Buffer, type: string): Promise<void> => {
  const { status } = await fetch(`http://${host}/v2/${path}`, {
    method: 'PUT',
    headers: { authorization: CREDENTIALS, 'content-type': type },
    body: new Uint8Array(body),
  });
  expect(status).toBe(201);
};

const pushBlob = async (repository: string, blob: Buffer): Promise<void> => {
  const begun = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, {
    method: 'POST',
    headers: { authorization: CREDENTIALS },
  });
  const url = new URL(begun.headers.get('location') ?? '', `http://${host}`);
  url.searchParams.set('digest', sha256(blob));
  await put(`${url.pathname.slice('/v2/'.length)}${url.search}`, blob, 'application/octet-stream');
};

/** Pushes an image under a list of manifests, as registries have for several processors. */
const push = async (repository: string, tag: string, parts: Parts): Promise<string> => {
  const manifest = manifestOf(parts);
  for (const blob of [parts.config, ...parts.blobs]) await pushBlob(repository, blob);
  const type = 'application/vnd.oci.image.manifest.v1+json';
  await put(`${repository}/manifests/${sha256(manifest)}`, manifest, type);
  const own = { mediaType: type, digest: sha256(manifest), size: manifest.length };
  const list = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { ...own, platform: { os: 'linux', architecture: 's390x' } },
        { ...own, platform: { os: 'linux', architecture: ARCHITECTURE } },
      ],
    }),
  );
  await put(`${repository}/manifests/${tag}`, list, 'application/vnd.oci.image.index.v1+json');
  return sha256(manifest);
};

const PULL = `mutation ($reference: String!, $name: String) {
  pullImage(input: { reference: $reference, name: $name }) { image { name digest layers source } } }`;

const pull = async (reference: string, name?: string) => {
  const { data, errors } = await server.ask(PULL, { reference, name });
  return { image: (data as { pullImage: { image: object } } | null)?.pullImage.image, errors };
};

const layers = (): readonly string[] => readdirSync(join(server.stateDir, 'layers')).sort();

/** A registry that misbehaves as a test says. */
class FakeRegistry {
  parts: Parts;
  readonly requests: { readonly path: string; readonly range: string | undefined; readonly token: string }[] =
    [];
  /** Handles a request itself, and returns true if it did. */
  misbehave: (path: string, request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly #http: Server;

  constructor(parts: Parts) {
    this.parts = parts;
    this.#http = createServer((request, response) => this.#answer(request, response));
  }

  async open(): Promise<this> {
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    const { range, authorization = '' } = request.headers;
    this.requests.push({ path: url.pathname, range, token: authorization });
    if (url.pathname === '/token') {
      const valid =
        url.searchParams.get('scope') === 'repository:team/app:pull' &&
        url.searchParams.get('service') === 's';
      response.writeHead(valid ? 200 : 400).end(JSON.stringify({ token: 'granted' }));
    } else if (authorization !== 'Bearer granted') {
      const realm = `Bearer realm="http://${this.host}/token",service="s",scope="ignored"`;
      response.writeHead(401, { 'www-authenticate': realm }).end();
    } else if (!this.misbehave(url.pathname, request, response)) this.serve(url.pathname, range, response);
  }

  serve(path: string, range: string | undefined, response: ServerResponse): void {
    const manifest = manifestOf(this.parts);
    const found = path.includes('/manifests/')
      ? manifest
      : [this.parts.config, ...this.parts.blobs].find((blob) => path.endsWith(sha256(blob)));
    if (found === undefined) response.writeHead(404).end();
    else if (range === undefined) response.writeHead(200).end(found);
    else response.writeHead(206).end(found.subarray(Number(/bytes=(\d+)-/.exec(range)?.[1])));
  }

  close(): void {
    this.#http.closeAllConnections();
    this.#http.close();
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-registry-'));
  await startRegistry();
  fake = await new FakeRegistry(image('of the fake\n')).open();
  const credentials = join(folder, 'config.json');
  const auth = CREDENTIALS.slice('Basic '.length);
  writeFileSync(credentials, JSON.stringify({ auths: { [host]: { auth } } }));
  server = await TestServer.start(
    '--registry-credentials',
    credentials,
    '--registry-mirror',
    `http://${host}`,
  );
});

afterAll(async () => {
  await server.dispose();
  fake.close();
  registry.kill();
  await once(registry, 'exit');
  rmSync(folder, { recursive: true });
});

describe('an image of a registry', () => {
  it('is added with credentials, for this machine, and its layers once', async () => {
    const digest = await push('team/app', '1.0', image('real\n'));
    const before = layers().length;
    const reference = `${host}/team/app:1.0`;
    expect(await pull(reference, 'app')).toEqual({
      image: { name: 'app', digest, layers: 3, source: reference },
      errors: undefined,
    });
    // Two of its own, and the one with the folders to mount on.
    expect(layers().length).toBe(before + 3);
    await push('team/app', '2.0', image('newer\n'));
    expect((await pull(`${host}/team/app:2.0`)).image).toMatchObject({ name: `${host}/team/app:2.0` });
    expect(layers().length).toBe(before + 4);
    expect((await pull(`${host}/team/app@${digest}`, 'pinned')).image).toMatchObject({ digest });
  });

  it('of Docker Hub is taken from the mirror', async () => {
    const digest = await push('library/tool', 'latest', image('hub\n'));
    expect((await pull('tool')).image).toMatchObject({ name: 'tool', digest, source: 'tool' });
  });

  it('shows the progress', async () => {
    const seen: unknown[] = [];
    const first = Promise.withResolvers<void>();
    // Sends no blob until somebody has seen that one is being fetched.
    fake.misbehave = (path, _request, response) => {
      if (!path.includes('/blobs/')) return false;
      void first.promise.then(() => fake.serve(path, undefined, response));
      return true;
    };
    const followed = (async () => {
      const query =
        'subscription { imageProgress(name: "shown") { name phase received total unpacked layers } }';
      for await (const each of server.subscribe(query)) {
        seen.push(each);
        first.resolve();
      }
    })();
    expect((await pull(`${fake.host}/team/app:shown`, 'shown')).errors).toBeUndefined();
    await followed;
    expect(seen[0]).toMatchObject({ imageProgress: { name: 'shown' } });
  });

  it.each([
    ['nosuch:1', 'has no library/nosuch:1'],
    ['Upper/case', 'expected [REGISTRY/]REPOSITORY[:TAG|@DIGEST], got "Upper/case"'],
    ['a@sha256:12', 'expected [REGISTRY/]REPOSITORY'],
    ['../../etc/passwd', 'expected [REGISTRY/]REPOSITORY'],
    ['127.0.0.1:2/x', 'ECONNREFUSED'],
  ])('%s is refused', async (reference, reason) => {
    const { errors } = await pull(reference, 'refused');
    expect(errors?.[0]?.message).toContain(reason);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('a registry that', () => {
  let attempts = 0;
  /** Bytes that the server has of a blob that it is downloading. */
  const received = (digest: string): number | undefined => {
    const folder = join(server.stateDir, 'layers');
    const [downloads] = readdirSync(folder).filter((name) => name.startsWith('.new-'));
    if (downloads === undefined) return undefined;
    return statSync(join(folder, downloads, digest.replace(':', '-')), { throwIfNoEntry: false })?.size;
  };
  const attempt = async () => {
    // With a layer that is not here yet, so that it has to be fetched.
    fake.parts = image(`${++attempts}\n`);
    fake.requests.length = 0;
    return (await pull(`${fake.host}/team/app:1`, 'from-fake')).errors?.[0]?.message;
  };
  const isLayer = (path: string): boolean => fake.parts.blobs.some((blob) => path.endsWith(sha256(blob)));

  it('asks for a token gets one, and nobody else does', async () => {
    fake.misbehave = (path, _request, response) => {
      if (!isLayer(path)) return false;
      response.writeHead(307, { location: `http://localhost:${fake.host.split(':')[1]}${path}` }).end();
      return true;
    };
    // The other host sees no token, and refuses.
    expect(await attempt()).toContain('does not let this server read');
    expect(fake.requests.filter(({ path }) => isLayer(path)).at(-1)?.token).toBe('');
  });

  it.each(['/manifests/', '/blobs/'])('sends a wrong digest (%s) is refused', async (part) => {
    const before = layers();
    fake.misbehave = (path, _request, response) => {
      if (!path.includes(part)) return false;
      const headers = { 'docker-content-digest': sha256('other') };
      response.writeHead(200, part === '/manifests/' ? headers : {});
      response.end(part === '/manifests/' ? manifestOf(fake.parts) : Buffer.from(`{"x":${'1'.repeat(50)}}`));
      return true;
    };
    expect(await attempt()).toMatch(/expected the content of sha256:/);
    expect(layers()).toEqual(before);
  });

  it('breaks the connection is asked for the rest', async () => {
    let cuts = 0;
    fake.misbehave = (path, request, response) => {
      if (!path.endsWith(sha256(fake.parts.blobs[1] ?? '')) || cuts === 2) return false;
      cuts += 1;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': 1000 });
      response.write(fake.parts.blobs[1]?.subarray(from, from + 10));
      // What a client has received and not yet read is lost with the connection.
      void expect
        .poll(() => received(sha256(fake.parts.blobs[1] ?? '')))
        .toBe(from + 10)
        .then(() => response.socket?.end());
      return true;
    };
    expect(await attempt()).toBeUndefined();
    expect(fake.requests.map(({ range }) => range).filter((range) => range !== undefined)).toEqual([
      'bytes=10-',
      'bytes=20-',
    ]);
  });

  it('fails is reported with its message, and nothing is left', async () => {
    const before = layers();
    fake.misbehave = (_path, _request, response) => {
      response.writeHead(503).end('out of order');
      return true;
    };
    expect(await attempt()).toMatch(/answered 503 for .*: out of order/);
    fake.misbehave = (_path, _request, response) => {
      response.writeHead(200).end('<html>');
      return true;
    };
    expect(await attempt()).toContain('expected JSON');
    expect(layers()).toEqual(before);
  });
});
