/** Quotas of subjects, as callers meet them. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Quotas } from '../../src/access/quotas.ts';
import { UNBOUNDED } from '../../src/jobs/quota.ts';
import { disposers } from '../support/disposers.ts';
import { caller, World } from './world.ts';

const ADMIN = caller('root', 'ADMIN');
const ALICE = caller('alice', 'USER');
const BOB = caller('bob', 'USER');

const dispose = disposers();
let world: World;

beforeEach(async () => {
  world = await World.open(dispose);
});

const SUBMIT =
  'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id queue { reason } } } }';
const submit = (identity: typeof ALICE, input: object = {}) =>
  world.ask(identity, SUBMIT, { input: { command: 'true', ...input } });
const set = (input: object) =>
  world.ask(
    ADMIN,
    'mutation ($input: SetQuotaInput!) { setQuota(input: $input) { quota { subject queuedJobs memory overrides } } }',
    { input: { subject: 'alice', ...input } },
  );
const refusal = (answer: Awaited<ReturnType<typeof submit>>) => answer.errors?.[0]?.extensions;

describe('a quota', () => {
  it('is set for a subject at run time, stays, and can be made the default again', async () => {
    const set1 = await set({ queuedJobs: 3, memory: '1Gi' });
    const quota = { subject: 'alice', queuedJobs: 3, memory: 2 ** 30, overrides: ['queuedJobs', 'memory'] };
    expect(set1).toEqual({ data: { setQuota: { quota } } });
    const next = await Quotas.open(world.store.quotas, { ...UNBOUNDED, queuedJobs: 9, runningJobs: 8 });
    expect(next.of('alice')).toEqual({ ...UNBOUNDED, queuedJobs: 3, runningJobs: 8, memoryBytes: 2 ** 30 });
    expect(next.of('bob')).toEqual({ ...UNBOUNDED, queuedJobs: 9, runningJobs: 8 });
    // What is left out stays.
    expect(await set({ queuedJobs: null })).toMatchObject({
      data: { setQuota: { quota: { queuedJobs: null, memory: 2 ** 30, overrides: ['memory'] } } },
    });
    await set({ memory: null });
    expect(world.quotas.list(ADMIN).map(({ subject }) => subject)).toEqual([null]);
    expect(await world.store.quotas.all()).toEqual(new Map());
  });

  it('shows the current usage of its subject, to the subject and to admins', async () => {
    await set({ submissionsPerMinute: 5 });
    const limits = { cpus: 0.5, memory: '64Mi' };
    for (const _ of [1, 2]) expect((await submit(ALICE, { limits })).errors).toBeUndefined();
    const { id } = await world.put('alice', { status: 'QUEUED' });
    await world.store.setDisk(id, { bytes: 4096, packed: false });
    await submit(BOB);
    const fields = `subject inUse {
      runningJobs queuedJobs cpus memory submissionsPerMinute storage subscriptions connections }`;
    const none = { subscriptions: 0, connections: 0 };
    const inUse = { runningJobs: 1, queuedJobs: 1, cpus: 0.5, memory: 2 ** 26, ...none };
    const alice = {
      subject: 'alice',
      inUse: { ...inUse, submissionsPerMinute: 2, storage: expect.any(Number) },
    };
    expect((await world.ask(ALICE, `{ viewer { quota { ${fields} } } }`)).data).toEqual({
      viewer: { quota: alice },
    });
    const kept = (await world.ask(ALICE, '{ viewer { quota { inUse { storage } } } }')).data;
    expect(kept).toMatchObject({
      viewer: { quota: { inUse: { storage: await world.store.storedBytes('alice') } } },
    });
    expect(await world.store.storedBytes('alice')).toBeGreaterThan(4096);
    // Bob has a job that waits, and nothing else was set for him.
    const waits = { runningJobs: 0, queuedJobs: 1, cpus: 0, memory: 0, ...none };
    const bob = { subject: 'bob', inUse: { ...waits, submissionsPerMinute: null, storage: 0 } };
    expect((await world.ask(ADMIN, `{ quotas { ${fields} } }`)).data).toEqual({
      quotas: [{ subject: null, inUse: null }, alice, bob],
    });
  });

  it('is shown to its subject', async () => {
    await set({ queuedJobs: 3 });
    const mine = '{ viewer { quota { subject queuedJobs } } }';
    expect((await world.ask(ALICE, mine)).data).toEqual({
      viewer: { quota: { subject: 'alice', queuedJobs: 3 } },
    });
    expect((await world.ask(BOB, mine)).data).toEqual({
      viewer: { quota: { subject: 'bob', queuedJobs: null } },
    });
  });

  it.each([
    [{ subject: '' }, 'input.subject'],
    [{ queuedJobs: -1 }, 'input.queuedJobs'],
    [{ cpus: -0.5 }, 'input.cpus'],
    [{ memory: 'much' }, 'input.memory'],
  ])('refuses %j', async (input, field) => {
    expect(refusal(await set(input))).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(await world.store.quotas.all()).toEqual(new Map());
  });
});

describe('a submission', () => {
  it('beyond the quota of waiting jobs is refused, and that of another subject is not', async () => {
    await set({ queuedJobs: 1 });
    // The first runs.
    for (const _ of [1, 2]) expect((await submit(ALICE)).errors).toBeUndefined();
    expect(refusal(await submit(ALICE))).toEqual({
      code: 'QUOTA_EXCEEDED',
      quota: 'queuedJobs',
      value: 1,
      retryAfterMs: 5000,
    });
    expect((await submit(BOB)).errors).toBeUndefined();
    expect(await world.store.count({ owner: 'alice' })).toBe(2);
  });

  it('is refused for good when its own limits exceed a quota', async () => {
    await set({ cpus: 0.5 });
    expect(refusal(await submit(ALICE, { limits: { cpus: 1 } }))).toEqual({
      code: 'QUOTA_EXCEEDED',
      quota: 'cpus',
      value: 0.5,
    });
    await set({ cpus: null, memory: '64Mi' });
    expect(refusal(await submit(ALICE, { limits: { memory: '65Mi' } }))).toMatchObject({ quota: 'memory' });
    expect((await submit(ALICE, { limits: { memory: '64Mi' } })).errors).toBeUndefined();
  });

  it('is refused while ended jobs of the subject take too much of the disk', async () => {
    const { id } = await world.put('alice', { status: 'QUEUED' });
    await set({ storage: 1000 });
    expect((await submit(ALICE)).errors).toBeUndefined();
    await world.store.setDisk(id, { bytes: 1000, packed: false });
    expect(refusal(await submit(ALICE))).toMatchObject({ quota: 'storage', value: 1000, retryAfterMs: 5000 });
    expect((await submit(BOB)).errors).toBeUndefined();
  });

  it('beyond the quota of a minute is refused; one that is repeated with its key is not', async () => {
    await set({ submissionsPerMinute: 2 });
    const first = await submit(ALICE, { idempotencyKey: 'k' });
    await submit(ALICE);
    const { retryAfterMs, ...rest } = refusal(await submit(ALICE)) ?? {};
    expect(rest).toEqual({ code: 'QUOTA_EXCEEDED', quota: 'submissionsPerMinute', value: 2 });
    expect(retryAfterMs).toBeGreaterThan(25_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
    expect(await submit(ALICE, { idempotencyKey: 'k' })).toMatchObject({
      data: { submitJob: { job: { id: first.data?.['submitJob'] && expect.any(String) } } },
    });
    expect((await submit(BOB)).errors).toBeUndefined();
  });

  it('that is refused because too many jobs wait does not count against the rate', async () => {
    await submit(BOB);
    await set({ submissionsPerMinute: 3, queuedJobs: 1 });
    await submit(ALICE);
    for (const _ of [1, 2, 3]) expect(refusal(await submit(ALICE))).toMatchObject({ quota: 'queuedJobs' });
    await set({ submissionsPerMinute: 3, queuedJobs: 10 });
    for (const _ of [1, 2]) expect((await submit(ALICE)).errors).toBeUndefined();
    expect(refusal(await submit(ALICE))).toMatchObject({ quota: 'submissionsPerMinute' });
  });

  it('waits by the quota of running jobs, says so, and starts when that is raised', async () => {
    await submit(BOB);
    const held = await world.ask(BOB, '{ jobs { nodes { id } } }');
    const list = held.data?.['jobs'] as { nodes: { id: string }[] } | undefined;
    const id = list?.nodes[0]?.id ?? '';
    await set({ runningJobs: 0 });
    expect(refusal(await submit(ALICE))).toEqual({ code: 'QUOTA_EXCEEDED', quota: 'runningJobs', value: 0 });
    await set({ runningJobs: 1 });
    const { data } = await submit(ALICE);
    expect(data).toMatchObject({ submitJob: { job: { queue: { reason: expect.any(String) } } } });
    await world.jobs.stop(ADMIN, id, 0);
    await expect.poll(() => world.cells.cells.size).toBeGreaterThan(1);
  });
});
