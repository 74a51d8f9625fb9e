/** The table of the state folder in docs/architecture.md has what a real server leaves there, and nothing else. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';
import { tableOf } from './documents.ts';

/** What is there only once images were added, after damage or the death of a process, or while something is written. */
const RARE = [
  '.token',
  '.link-keys',
  'layers/<id>/tree',
  'jobs/<id>/layer',
  'exits/<id>',
  'jobs/<id>/exit.damaged',
  'jobs/<id>/tail.end',
  'jobs/<id>/exit',
  '.test-cell',
];
/** "`plan`, `started`, ... stay until the job is deleted." */
const KEPT = ['plan', 'started', 'isolation', 'log', 'index', 'artifacts'];

/** The names of the table: `cloister.db` (`-wal`, `-shm`) are three, and so are the names after the first of a folder. */
const documented = tableOf('docs/architecture.md', 'file').flatMap(([names = '']) => {
  const [first = '', ...others] = [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const folder = first.slice(0, first.lastIndexOf('/') + 1);
  return [first, ...others.map((name) => (name.startsWith('-') ? `${first}${name}` : `${folder}${name}`))];
});

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** Every file of the state folder, as the table names it. */
const files = (ids: readonly string[], folder = ''): readonly string[] =>
  readdirSync(join(server.stateDir, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (path === 'images') return readdirSync(join(server.stateDir, path)).map((name) => imageOf(name));
    if (path.startsWith('receipt-keys/')) return ['receipt-keys/<key>.pem'];
    // One of a cell that is being prepared, which is there for a time: see what is said below the table.
    if (path.startsWith('jobs/.prepared-')) return [];
    // Links, each under its number.
    if (/^jobs\/[^/]+\/files$/.test(path)) return [withoutIds(ids, path)];
    if (entry.isDirectory() && entry.name !== 'artifacts') return files(ids, path);
    if (/^files\/[0-9a-f]{64}\/[0-9a-f]{64}\/644$/.test(path)) return ['files/<subject>/<sha256>/<mode>'];
    return [withoutIds(ids, path)];
  });

const withoutIds = (ids: readonly string[], path: string): string =>
  ids.reduce((name, id) => name.replace(id, '<id>'), path);

const imageOf = (name: string): string => `images/${name.replace(/^[^.]+/, '<name>')}`;

it('has what the table says, and nothing else', async () => {
  const running = await server.submit({
    command: 'cat; yes | head -c 100000; echo end; exec sleep 1000',
    stdin: 'some text',
    files: [{ path: '/file', text: 'some text' }],
    limits: { output: 10_000, outputPolicy: 'TRUNCATE' },
    artifacts: [{ path: '/etc/hostname' }],
  });
  const ended = await server.run({
    command: 'echo hello; cat',
    stdin: 'some text',
    artifacts: [{ path: '/etc/hostname' }],
  });
  const env = [{ name: 'KEY', value: 'some secret', secret: true }];
  const secret = await server.submit({ command: 'exec sleep 1000', env });
  await server.running(running);
  await server.running(secret);
  const tail = join(server.stateDir, 'jobs', running, 'tail.1');
  await expect.poll(() => existsSync(tail)).toBe(true);
  const ids = [running, ended.id, secret];
  const during = new Set(files(ids).filter((name) => name !== 'images/<name>.json'));
  expect([...during].filter((name) => !documented.includes(name))).toEqual([]);
  expect(documented.filter((name) => !during.has(name) && !RARE.includes(name))).toEqual([]);

  await server.stop(secret, 0);
  const kept = () => readdirSync(join(server.stateDir, 'jobs', secret)).toSorted();
  expect(kept()).toEqual(KEPT.filter((name) => !['plan', 'artifacts'].includes(name)).toSorted());
  const { status } = await server.stop(running, 0);
  expect(status).toBe('STOPPED');
  for (const id of [running, ended.id]) {
    expect(readdirSync(join(server.stateDir, 'jobs', id)).toSorted()).toEqual(KEPT.toSorted());
    expect(readFileSync(join(server.stateDir, 'stdin', id), 'utf8')).toBe('some text');
  }
  await expect.poll(() => readdirSync(join(server.stateDir, 'exits'))).toEqual([]);
  await server.query('mutation ($input: DeleteJobInput!) { deleteJob(input: $input) { job { id } } }', {
    input: { jobId: ended.id },
  });
  await expect.poll(() => files([ended.id]).filter((name) => name.includes('<id>'))).toEqual([]);
});
