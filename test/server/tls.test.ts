/** Mutual TLS: who gets in, what those hear who do not, and certificates that change, expire and are revoked. */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  Authority,
  type Issued,
  serialNumberOf as serialOf,
  type Validity,
  validFor,
} from '../../src/certs/authority.ts';
import { readTlsFiles } from '../../src/server/tls-files.ts';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { type Answer, AUTHORIZATION, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();
const DAY_MS = 24 * 60 * 60_000;
const VALID = validFor(10);
const EXPIRED: Validity = { from: new Date(Date.now() - 2 * DAY_MS), until: new Date(Date.now() - DAY_MS) };
const FUTURE: Validity = { from: new Date(Date.now() + DAY_MS), until: new Date(Date.now() + 2 * DAY_MS) };
/** The longest that anything stays open, with room for a busy machine. */
const SECONDS = { timeout: 20_000 };

let root: Issued;
let authority: Authority;
let alice: Issued;
let server: Issued;
let folder: string;

const client = (subject: string, role: string, validity = VALID): Promise<Issued> =>
  authority.client({ subject, role }, validity);

beforeAll(async () => {
  root = await Authority.create('Test', VALID);
  authority = await Authority.load(root);
  [alice, server] = await Promise.all([
    client('alice@example.com', 'USER'),
    authority.server(['localhost', '127.0.0.1', 'jobs.test'], VALID),
  ]);
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-tls-'));
  dispose(() => rmSync(folder, { recursive: true }));
  await write({
    'server.pem': server.certificate,
    'server.key': server.key,
    'ca.pem': root.certificate,
    'crl.pem': await authority.revocations([]),
  });
});

const at = (name: string): string => join(folder, name);

const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(at(`${name}.new`), text);
    renameSync(at(`${name}.new`), at(name));
  }
};

const paths = () => ({
  certificate: at('server.pem'),
  key: at('server.key'),
  clientCa: at('ca.pem'),
  crl: at('crl.pem'),
});

const serve = (options: Parameters<typeof serveFakes>[1] = {}): Promise<Fixture> =>
  serveFakes(dispose, { ...options, tls: { ...paths(), ...options.tls } });

const VIEWER = '{ viewer { subject role method token { id } } }';

/** What a client with a certificate is answered, over a connection of its own. */
const ask = (
  { url }: Pick<Fixture, 'url'>,
  who?: Issued,
  options: RequestOptions = {},
): Promise<Answer & { readonly status: number }> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ query: VIEWER });
    const sent = httpsRequest(
      url,
      {
        method: 'POST',
        agent: false,
        ca: root.certificate,
        ...(who && { cert: who.certificate, key: who.key }),
        ...options,
        headers: { 'content-type': 'application/json', ...options.headers },
      },
      async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve({ status: response.statusCode ?? 0, ...JSON.parse(Buffer.concat(chunks).toString()) });
      },
    );
    sent.on('error', reject).end(body);
  });

const viewer = (subject: string, role: string) => ({
  status: 200,
  data: { viewer: { subject, role, method: 'CERTIFICATE', token: null } },
});

const logged = ({ entries }: Fixture): string => entries.map(({ line }) => line).join('\n');

describe('a client certificate', () => {
  it.each([
    ['alice@example.com', 'USER'],
    ['root', 'ADMIN'],
    ['bob', 'viewer'],
  ])('of %s with the unit %s lets its holder in', async (subject, role) => {
    const fixture = await serve();
    expect(await ask(fixture, await client(subject, role))).toEqual(viewer(subject, role.toUpperCase()));
    expect(fixture.lines).toEqual([]);
  });

  const refused: readonly (readonly [string, () => Promise<Issued>, RegExp])[] = [
    [
      'of an untrusted authority',
      async () =>
        (await Authority.load(await Authority.create('Test', VALID))).client(
          { subject: 'alice@example.com', role: 'ADMIN' },
          VALID,
        ),
      /it is not signed by an authority of --tls-client-ca$/,
    ],
    [
      'that signed itself',
      () => Authority.create('alice', VALID),
      /it is not signed by an authority of --tls-client-ca$/,
    ],
    ['that has expired', () => client('alice', 'USER', EXPIRED), /it has expired on 2/],
    ['that is not yet valid', () => client('alice', 'USER', FUTURE), /it is not valid before 2/],
    [
      'of a server',
      () => authority.server(['alice'], VALID),
      /it is not for clients \(extended key usage\)$/,
    ],
    [
      'without a role',
      () => client('alice', 'Engineering'),
      /alice has no role: expected ADMIN, USER or VIEWER/,
    ],
    [
      'of an unprintable name',
      () => client('al\u0007ice', 'USER'),
      /expected a subject of 1 to 128 printable/,
    ],
  ];
  it.each(refused)('%s is refused, and both sides hear why', async (_, make, why) => {
    const fixture = await serve();
    const who = await make();
    const { status, errors } = await ask(fixture, who, { headers: { authorization: AUTHORIZATION } });
    expect({ status, code: errors?.[0]?.extensions?.['code'] }).toEqual({
      status: 401,
      code: 'UNAUTHENTICATED',
    });
    expect(errors?.[0]?.message).toMatch(/^client certificate: /);
    expect(errors?.[0]?.message).toMatch(why);
    expect(fixture.lines).toEqual([expect.stringMatching(why)]);
    // Nor over WebSocket.
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws', {
      ca: root.certificate,
      cert: who.certificate,
      key: who.key,
    });
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('401');
  });

  it('that was revoked is refused, and both sides hear why', async () => {
    const { serialNumber } = authorityOf(alice);
    await write({ 'crl.pem': await authority.revocations([{ serialNumber, at: new Date() }]) });
    const fixture = await serve();
    expect((await ask(fixture, alice)).errors?.[0]?.message).toBe('client certificate: it was revoked');
    expect(fixture.lines).toEqual([expect.stringMatching(/alice@example\.com.*: it was revoked$/)]);
    expect(await ask(fixture, await client('bob', 'USER'))).toEqual(viewer('bob', 'USER'));
  });

  it('is not accepted by a list of revoked ones that is out of date', async () => {
    await write({ 'crl.pem': await authority.revocations([], EXPIRED) });
    const fixture = await serve();
    expect((await ask(fixture, alice)).errors?.[0]?.message).toMatch(
      /the list of revoked certificates .* is out of date/,
    );
    expect(fixture.lines[0]).toMatch(/is out of date since .*: no client certificate is accepted/);
  });

  it('of an intermediate authority is accepted with the chain', async () => {
    rmSync(at('crl.pem'));
    const { crl: _, ...tls } = paths();
    const fixture = await serveFakes(dispose, { tls });
    const middle = await authority.intermediate('Middle', VALID);
    const carol = await (await Authority.load(middle)).client({ subject: 'carol', role: 'USER' }, VALID);
    const chain = { ...carol, certificate: carol.certificate + middle.certificate };
    expect(await ask(fixture, chain)).toEqual(viewer('carol', 'USER'));
    expect((await ask(fixture, carol)).errors?.[0]?.message).toMatch(/not signed by an authority/);
  });

  it('in a chain of 50 is answered, and others meanwhile', async () => {
    const { crl: _, ...tls } = paths();
    const fixture = await serveFakes(dispose, { tls });
    let at = authority;
    const chain: string[] = [];
    for (let depth = 0; depth < 50; depth++) {
      const made = await at.intermediate(`Level ${depth}`, VALID);
      chain.unshift(made.certificate);
      at = await Authority.load(made);
    }
    const leaf = await at.client({ subject: 'deep', role: 'USER' }, VALID);
    const long = { ...leaf, certificate: leaf.certificate + chain.join('') };
    // The same without the authority that it leads to.
    const cut = { ...leaf, certificate: leaf.certificate + chain.slice(0, -1).join('') };
    const answers = await Promise.all([
      ask(fixture, long),
      ask(fixture, cut),
      ask(fixture, alice),
      ...Array.from({ length: 20 }, () => ask(fixture, cut)),
    ]);
    expect(answers[0]).toEqual(viewer('deep', 'USER'));
    expect(answers[1]?.errors?.[0]?.message).toMatch(/not signed by an authority/);
    expect(answers[2]).toEqual(viewer('alice@example.com', 'USER'));
    expect(answers.slice(3).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 401));
  });

  it('is not needed with a token, which takes precedence', async () => {
    const fixture = await serve();
    const headers = { authorization: AUTHORIZATION };
    const admin = { subject: 'admin', role: 'ADMIN', method: 'TOKEN', token: null };
    expect((await ask(fixture, undefined, { headers })).data).toEqual({ viewer: admin });
    expect((await ask(fixture, alice, { headers })).data).toEqual({ viewer: admin });
    expect((await ask(fixture)).status).toBe(401);
    expect((await ask(fixture, alice, { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
  });

  it('is needed by everybody where the operator says so, except on the Unix socket', async () => {
    const socketPath = at('socket');
    const fixture = await serve({ socketPath, tls: { ...paths(), requireClientCert: true } });
    const headers = { authorization: AUTHORIZATION };
    expect((await ask(fixture, undefined, { headers })).errors?.[0]?.message).toBe(
      'client certificate: expected one, got none',
    );
    expect((await ask(fixture, alice)).status).toBe(200);
    const local = httpRequest({
      socketPath,
      path: '/graphql?query={__typename}',
      headers: { ...headers, host: 'localhost' },
    }).end();
    const [response] = await once(local, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it('has the role that the file of roles says', async () => {
    writeFileSync(at('roles.toml'), '# people\n"alice@example.com" = "viewer"\n');
    const fixture = await serve({ rolesPath: at('roles.toml') });
    expect(await ask(fixture, alice)).toEqual(viewer('alice@example.com', 'VIEWER'));
    expect((await ask(fixture, await client('root', 'ADMIN'))).errors?.[0]?.message).toBe(
      'client certificate: root has no role in the file of --roles',
    );
  });

  it('is verified on every connection: sessions are not resumed', async () => {
    const fixture = await serve();
    const { port } = new URL(fixture.url);
    const options = {
      port: Number(port),
      host: '127.0.0.1',
      ca: root.certificate,
      cert: alice.certificate,
      key: alice.key,
    };
    const first = await secured(options);
    let session: Buffer | undefined;
    first.on('session', (given) => {
      session = given;
    });
    const agent = new Agent({ ...options, maxCachedSessions: 100 });
    dispose(() => agent.destroy());
    expect((await ask(fixture, alice, { agent })).status).toBe(200);
    first.destroy();
    const second = await secured({ ...options, ...(session && { session }) });
    expect(second.isSessionReused()).toBe(false);
  });
});

const authorityOf = ({ certificate }: Issued) => ({ serialNumber: serialOf(certificate) });

const secured = async (options: ConnectionOptions): Promise<TLSSocket> => {
  const socket = connectTls({ minVersion: 'TLSv1.2', ...options });
  dispose(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
};

describe('a handshake', () => {
  it.each([
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }, /protocol version/i, /does not support TLS 1\.3$/],
    ['a client that does not trust the server', { ca: [] }, /self.signed certificate|unable to/i, undefined],
    [
      'a wrong server name',
      { servername: 'other.test' },
      /not in the cert's altnames/,
      /is not for "other\.test"$/,
    ],
  ] as const)('of %s fails, and it is said why', async (_, options, onClient, onServer) => {
    const fixture = await serve();
    await expect(ask(fixture, alice, options as RequestOptions)).rejects.toThrow(onClient);
    if (onServer !== undefined) await expect.poll(() => logged(fixture)).toMatch(onServer);
  });

  it('is not made without TLS', async () => {
    const fixture = await serve();
    await expect(fetch(fixture.url.replace('https', 'http'))).rejects.toThrow();
    await expect.poll(() => logged(fixture)).toMatch(/without TLS: its URL has to begin with https$/);
  });

  it('that is never completed is given up, while others get in', async () => {
    const fixture = await serve({ timeouts: { headersMs: 300 } });
    const { port } = new URL(fixture.url);
    const slow = Array.from({ length: 100 }, () => connectTcp(Number(port), '127.0.0.1'));
    dispose(() => {
      for (const socket of slow) socket.destroy();
    });
    const gone = slow.map((socket) => once(socket.on('error', () => undefined).resume(), 'close'));
    // The beginning of a ClientHello.
    for (const [index, socket] of slow.entries())
      if (index % 2 === 0) socket.write(Buffer.from('160301', 'hex'));
    expect((await ask(fixture, alice)).status).toBe(200);
    await Promise.all(gone);
    await expect.poll(() => fixture.sockets.size).toBe(0);
    expect(logged(fixture)).toMatch(/did not complete the handshake in time/);
  });

  it('that is made and dropped leaves nothing', async () => {
    const fixture = await serve();
    const { port } = new URL(fixture.url);
    const options = {
      port: Number(port),
      host: '127.0.0.1',
      ca: root.certificate,
      cert: alice.certificate,
      key: alice.key,
    };
    const round = async (): Promise<void> => {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const socket = connectTls(options).on('error', () => undefined);
          await once(socket, index % 3 === 0 ? 'connect' : 'secureConnect');
          socket.destroy();
        }),
      );
    };
    for (let rounds = 0; rounds < 10; rounds++) await round();
    await expect.poll(() => [fixture.sockets.size, fixture.rights.size], SECONDS).toEqual([0, 0]);
    expect((await ask(fixture, alice)).status).toBe(200);
  });
});

describe('a name of the certificate', () => {
  it('is one of the server', async () => {
    const fixture = await serve();
    expect(
      (await ask(fixture, alice, { servername: 'jobs.test', headers: { host: 'jobs.test' } })).status,
    ).toBe(200);
    const foreign = await ask(fixture, alice, { servername: 'jobs.test', headers: { host: 'evil.test' } });
    expect(foreign.status).toBe(403);
  });
});

describe('what is open with a certificate', () => {
  /** A WebSocket and a stream of events of one log, and their ends. */
  const open = async (fixture: Fixture, who: Issued, streams = 2) => {
    const { id } = fixture.jobs.add(undefined, 'alice@example.com');
    const query = `subscription { logs(jobId: "${id}") { cursor } }`;
    const tls = { ca: root.certificate, cert: who.certificate, key: who.key };
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws', tls);
    dispose(() => socket.terminate());
    await once(socket, 'open');
    const closed = once(socket, 'close').then(([code, reason]) => `${code} ${reason}`);
    socket.send(JSON.stringify({ type: 'connection_init' }));
    await once(socket, 'message');
    socket.send(JSON.stringify({ type: 'subscribe', id: 's', payload: { query } }));
    const sent = httpsRequest(fixture.url, {
      ...tls,
      agent: false,
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    }).end(JSON.stringify({ query }));
    const events = once(sent, 'response').then(async ([response]) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      return text;
    });
    const { port } = new URL(fixture.url);
    const idle = await secured({ port: Number(port), host: '127.0.0.1', ...tls });
    const dropped = once(idle.on('error', () => undefined).resume(), 'close');
    await expect.poll(() => fixture.jobs.live.size, SECONDS).toBe(streams);
    fixture.jobs.write(id, page(1));
    return { closed, events, dropped };
  };

  const gone = (fixture: Fixture) =>
    expect
      .poll(() => [fixture.jobs.live.size, fixture.sockets.size, fixture.rights.size], SECONDS)
      .toEqual([0, 0, 0]);

  it('ends when the certificate expires', async () => {
    const fixture = await serve();
    const until = new Date(Date.now() + 3000);
    const { closed, events, dropped } = await open(
      fixture,
      await client('alice@example.com', 'USER', { from: VALID.from, until }),
    );
    expect(await closed).toBe('4403 the certificate has expired');
    expect(await events).toContain('authorization: the certificate has expired');
    await dropped;
    await gone(fixture);
  });

  it('that was revoked while the files were read first is noticed', async () => {
    const before = await authority.revocations([]);
    const { serialNumber } = authorityOf(alice);
    rmSync(at('crl.pem'));
    execFileSync('mkfifo', [at('crl.pem')]);
    const serving = serve();
    // Opened only once somebody reads it, and read to its end only when it is closed.
    const old = await openFile(at('crl.pem'), 'w');
    await write({ 'crl.pem': await authority.revocations([{ serialNumber, at: new Date() }]) });
    await old.writeFile(before);
    await old.close();
    const fixture = await serving;
    await expect
      .poll(async () => (await ask(fixture, alice)).errors?.[0]?.message, SECONDS)
      .toBe('client certificate: it was revoked');
  });

  it('ends when the certificate is revoked, and that of others continues', async () => {
    const fixture = await serve();
    const other = await client('bob', 'ADMIN');
    const { closed, events, dropped } = await open(fixture, alice);
    await open(fixture, other, 4);
    const { serialNumber } = authorityOf(alice);
    await write({ 'crl.pem': await authority.revocations([{ serialNumber, at: new Date() }]) });
    expect(await closed).toBe('4403 the certificate was revoked');
    expect(await events).toContain('authorization: the certificate was revoked');
    await dropped;
    expect((await ask(fixture, alice)).errors?.[0]?.message).toBe('client certificate: it was revoked');
    expect(await ask(fixture, other)).toEqual(viewer('bob', 'ADMIN'));
    expect(fixture.jobs.live.size).toBe(2);
  });

  it.each([
    ['its role is changed', async () => write({ 'roles.toml': '"alice@example.com" = "viewer"' })],
    [
      'its authority is no longer trusted',
      async () => {
        const other = await Authority.create('Other', VALID);
        await write({
          'ca.pem': other.certificate,
          'crl.pem': await (await Authority.load(other)).revocations([]),
        });
      },
    ],
  ])('ends when %s', async (_, change) => {
    await write({ 'roles.toml': '"alice@example.com" = "user"' });
    const fixture = await serve({ rolesPath: at('roles.toml') });
    const { closed, dropped } = await open(fixture, alice);
    await change();
    expect(await closed).toBe('4403 the certificate is not accepted any more');
    await dropped;
    await gone(fixture);
  });
});

describe('files that change', () => {
  it('are used without a restart', async () => {
    const fixture = await serve();
    const { port } = new URL(fixture.url);
    const options = { port: Number(port), host: '127.0.0.1', ca: root.certificate };
    const serial = async () => (await secured(options)).getPeerX509Certificate()?.serialNumber;
    const before = await serial();
    const next = await authority.server(['localhost', '127.0.0.1'], VALID);
    await write({ 'server.pem': next.certificate });
    await expect
      .poll(() => logged(fixture), SECONDS)
      .toMatch(/the changed files are not used: .*server\.key: expected the key of/);
    expect(await serial()).toBe(before);
    await write({ 'server.key': next.key });
    await expect.poll(() => logged(fixture), SECONDS).toMatch(/the changed files are used/);
    expect(await serial()).not.toBe(before);
  });

  it.each([
    [{ 'server.pem': 'x' }, /server\.pem: expected a certificate: /],
    [{ 'server.key': 'x' }, /server\.key: expected a private key without a passphrase: /],
    [{ 'ca.pem': 'x' }, /ca\.pem: expected certificates of authorities, got none/],
    [{ 'crl.pem': 'x' }, /crl\.pem: expected lists of revoked certificates \(X509 CRL\), got none/],
  ])('are refused: %j', async (files, why) => {
    await write(files);
    await expect(readTlsFiles(paths())).rejects.toThrow(why);
    await expect(readTlsFiles({ ...paths(), certificate: at('none.pem') })).rejects.toThrow(
      /none\.pem: ENOENT/,
    );
  });

  it('are refused: a list of another authority', async () => {
    const other = await Authority.load(await Authority.create('Other', VALID));
    await write({ 'crl.pem': await other.revocations([]) });
    await expect(readTlsFiles(paths())).rejects.toThrow(
      /crl\.pem: expected lists that an authority of --tls-client-ca has signed/,
    );
  });
});
