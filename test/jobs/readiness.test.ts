/** What a server says of its parts: `/readyz`. */

import { expect, it } from 'vitest';
import { type Parts, Readiness } from '../../src/jobs/readiness.ts';
import { StoreFullError } from '../../src/jobs/store.ts';

const ROOM = { bytes: 2 ** 40, files: 2 ** 20 };
const WORKS: Parts = { store: 'ok', spawner: 'ok', disk: 'ok' };
const works = async (): Promise<void> => undefined;
const fails = (error: Error) => (): Promise<void> => Promise.reject(error);
const never = (): Promise<void> => new Promise(() => undefined);

const ask = ({ store = works, spawner = works, freeSpace = () => ROOM } = {}): Promise<Parts> =>
  new Readiness({
    store: { probe: store },
    cells: { probe: spawner, freeSpace },
    timeoutMs: 20,
  }).parts();

it('says that all of them work', async () => {
  expect(await ask()).toEqual(WORKS);
});

it.each<[string, Parameters<typeof ask>[0], Partial<Parts>]>([
  [
    'a database without space',
    { store: fails(new StoreFullError('x')) },
    { store: 'there is no space for the database' },
  ],
  [
    'a database that is read-only',
    { store: fails(new Error('SQLITE_READONLY /secret/path')) },
    { store: 'the database cannot be written' },
  ],
  ['a database that hangs', { store: never }, { store: 'it does not answer' }],
  [
    'a spawner that has ended',
    { spawner: fails(new Error('EPIPE')) },
    { spawner: 'it cannot start supervisors' },
  ],
  ['a spawner that hangs', { spawner: never }, { spawner: 'it does not answer' }],
  [
    'no bytes left',
    { freeSpace: () => ({ ...ROOM, bytes: 0 }) },
    { disk: 'the disk of the state folder is full' },
  ],
  [
    'no files left',
    { freeSpace: () => ({ ...ROOM, files: 0 }) },
    { disk: 'the disk of the state folder is full' },
  ],
  [
    'a state folder that is gone',
    {
      freeSpace: () => {
        throw new Error('ENOENT /secret/path');
      },
    },
    { disk: 'the state folder cannot be reached' },
  ],
])('says which one does not: %s', async (_what, broken, expected) => {
  expect(await ask(broken)).toEqual({ ...WORKS, ...expected });
});

it('asks the parts once for those who ask at the same time', async () => {
  let asked = 0;
  const probe = async (): Promise<void> => {
    asked += 1;
  };
  const readiness = new Readiness({ store: { probe }, cells: { probe: works, freeSpace: () => ROOM } });
  await Promise.all(Array.from({ length: 10 }, () => readiness.parts()));
  expect(asked).toBe(1);
});
