/** Links to jobs: how many of them are kept. */

import { beforeEach, expect, it } from 'vitest';
import { Rights } from '../../src/access/rights.ts';
import { Shares } from '../../src/access/shares.ts';
import { disposers } from '../support/disposers.ts';
import { caller, World } from './world.ts';

const ALICE = caller('alice', 'USER');

const dispose = disposers();
let world: World;

beforeEach(async () => {
  world = await World.open(dispose);
});

it('of those that were revoked the oldest go when there are many of one job, and none that is valid', async () => {
  const { data } = await world.ask(
    ALICE,
    'mutation { submitJob(input: { command: "true" }) { job { id } } }',
  );
  const submitted = data?.['submitJob'] as { job: { id: string } } | undefined;
  const id = submitted?.job.id ?? '';
  const { store } = world;
  const shares = await Shares.open({ store: store.shares, rights: new Rights() });
  const job = await store.get(id);
  if (job === undefined) throw new Error('the job is not stored');
  const valid = await shares.create(ALICE, job);
  const made: string[] = [];
  for (let count = 0; count < 110; count++) {
    const { share } = await shares.create(ALICE, job);
    await shares.revoke(share.id);
    made.push(share.id);
  }
  const kept = [valid.share.id, ...made.slice(-99)];
  expect(shares.of(job).map((share) => share.id)).toEqual(kept);
  expect(shares.identify(valid.secret)?.jobId).toBe(id);
  expect((await store.shares.all()).map((share) => share.id)).toEqual(kept);
});
