/** The audit log: what is in it, who reads it, and how long it is kept. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Audit, type AuditStore } from '../../src/access/audit.ts';
import { ClientError } from '../../src/jobs/errors.ts';
import { newJobId } from '../../src/jobs/id.ts';
import type { Identity } from '../../src/jobs/service.ts';
import { StoreFullError } from '../../src/jobs/store.ts';
import { disposers } from '../support/disposers.ts';
import { caller, World } from './world.ts';

const ADMIN = caller('root', 'ADMIN');
const ALICE: Identity = {
  ...caller('alice', 'USER'),
  source: { address: '192.0.2.7', userAgent: 'curl/8\u001b[31m' },
};
const BOB = caller('bob', 'USER');

const dispose = disposers();
let world: World;

beforeEach(async () => {
  world = await World.open(dispose);
});

const LOG = `query ($first: Int, $after: String, $filter: AuditFilter) {
  auditLog(first: $first, after: $after, filter: $filter) {
    nodes { action subject job target secrets time address userAgent token outcome }
    pageInfo { hasNextPage endCursor } } }`;

interface Trail {
  readonly nodes: readonly Record<string, unknown>[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

interface Edges {
  readonly edges: readonly { readonly node: { readonly job: string } }[];
  readonly pageInfo: Readonly<Record<'hasNextPage' | 'hasPreviousPage', boolean>> & {
    readonly startCursor: string;
  };
}

const read = async (variables: object = {}): Promise<Trail> =>
  (await world.ask(ADMIN, LOG, variables)).data?.['auditLog'] as Trail;

const submit = async (identity: Identity): Promise<string> => {
  const document = 'mutation { submitJob(input: { command: "true" }) { job { id } } }';
  const { data } = await world.ask(identity, document);
  const made = data?.['submitJob'] as { job: { id: string } } | undefined;
  return made?.job.id ?? '';
};

const stop = (identity: Identity, id: string) =>
  world.ask(identity, 'mutation ($id: ID!) { stopJob(input: { jobId: $id }) { job { id } } }', { id });

describe('the audit log', () => {
  it('says who did what to which job, when, from where, with which token and outcome', async () => {
    const { token } = await world.tokens.create(ADMIN, { name: 'laptop', subject: 'alice', role: 'USER' });
    const before = Date.now();
    const id = await submit({ ...ALICE, tokenId: token.id });
    await stop(BOB, id);
    await stop(ALICE, id);
    const [stopped, refused, submitted] = (await read()).nodes;
    expect(submitted).toEqual({
      action: 'SUBMIT_JOB',
      subject: 'alice',
      job: id,
      target: null,
      secrets: 0,
      time: expect.any(String),
      address: '192.0.2.7',
      userAgent: 'curl/8?[31m',
      token: 'laptop',
      outcome: 'OK',
    });
    expect(Date.parse(String(submitted?.['time']))).toBeGreaterThanOrEqual(before);
    expect(refused).toMatchObject({ action: 'STOP_JOB', subject: 'bob', job: id, outcome: 'NOT_FOUND' });
    expect(stopped).toMatchObject({ action: 'STOP_JOB', subject: 'alice', job: id, outcome: 'OK' });
  });

  it('has tokens, quotas, deletions and refusals, without secrets', async () => {
    const id = await submit(ALICE);
    await stop(ALICE, id);
    await world.ask(ALICE, 'mutation ($id: ID!) { deleteJob(input: { jobId: $id }) { job { id } } }', { id });
    const create =
      'mutation { createToken(input: { name: "planted", subject: "s", role: USER }) { secret } }';
    const { data } = await world.ask(ADMIN, create);
    const made = data?.['createToken'] as { secret: string } | undefined;
    const secret = made?.secret ?? 'none was made';
    await world.ask(ALICE, create);
    await world.ask(ADMIN, 'mutation { setQuota(input: { subject: "bob", cpus: 1 }) { quota { cpus } } }');
    await world.ask(ALICE, 'mutation { submitJob(input: { command: "", name: "planted" }) { job { id } } }');
    const { nodes } = await read();
    expect(nodes.map(({ action, subject, outcome }) => [action, subject, outcome])).toEqual([
      ['SUBMIT_JOB', 'alice', 'BAD_USER_INPUT'],
      ['SET_QUOTA', 'root', 'OK'],
      ['CREATE_TOKEN', 'alice', 'FORBIDDEN'],
      ['CREATE_TOKEN', 'root', 'OK'],
      ['DELETE_JOB', 'alice', 'OK'],
      ['STOP_JOB', 'alice', 'OK'],
      ['SUBMIT_JOB', 'alice', 'OK'],
    ]);
    for (const text of ['planted', secret]) expect(JSON.stringify(nodes)).not.toContain(text);
  });

  it('has links, images, commands in cells, secrets, and the first input', async () => {
    const id = await submit(ALICE);
    world.cells.execute(id);
    const env = 'env: [{ name: "A", value: "planted", secret: true }, { name: "B", value: "planted" }]';
    const on = (field: string, more = '', result = 'job { id }') =>
      world.ask(ALICE, `mutation { ${field}(input: { jobId: "${id}"${more} }) { ${result} } }`);
    await world.ask(ALICE, `mutation { submitJob(input: { command: "true", ${env} }) { job { id } } }`);
    await on('execInJob', `, command: "true", ${env}`);
    for (const offset of [0, 1]) await on('writeStdin', `, offset: ${offset}, text: "planted"`);
    await on('resizeTerminal', ', rows: 1, columns: 1');
    for (const part of ['a', 'b']) await on('writeFile', `, path: "/planted", text: "planted ${part}"`);
    const shared = await on('shareJob', '', 'share { id }');
    const made = shared.data?.['shareJob'] as { share: { id: string } } | undefined;
    const link = made?.share.id ?? 'no link';
    await world.ask(ALICE, `mutation { revokeShare(input: { id: "${link}" }) { share { id } } }`);
    await world.ask(ALICE, 'mutation { createUpload(input: { size: 1 }) { file } }');
    await on('saveImage', ', name: "mine"', 'image { name }');
    await world.ask(ALICE, 'mutation { pullImage(input: { reference: "planted" }) { image { name } } }');
    await world.ask(ADMIN, 'mutation { deleteImage(input: { name: "no\u001bne" }) { name } }');
    const { nodes } = await read();
    expect(
      nodes.map(({ action, job, target, secrets, outcome }) => [action, job, target, secrets, outcome]),
    ).toEqual([
      ['DELETE_IMAGE', null, 'no?ne', 0, expect.any(String)],
      ['PULL_IMAGE', null, null, 0, 'FORBIDDEN'],
      ['SAVE_IMAGE', id, 'mine', 0, expect.any(String)],
      ['CREATE_UPLOAD', null, 'an-id', 0, 'OK'],
      ['REVOKE_SHARE', id, link, 0, 'OK'],
      ['SHARE_JOB', id, link, 0, 'OK'],
      ['WRITE_FILE', id, null, 0, expect.any(String)],
      ['RESIZE_TERMINAL', id, null, 0, expect.any(String)],
      ['WRITE_STDIN', id, null, 0, expect.any(String)],
      ['EXEC_IN_JOB', id, expect.any(String), 1, 'OK'],
      ['SUBMIT_JOB', expect.any(String), null, 1, 'OK'],
      ['SUBMIT_JOB', id, null, 0, 'OK'],
    ]);
    expect(JSON.stringify(nodes)).not.toContain('planted');
  });

  it('is read in pages, with filters', async () => {
    const ids = [await submit(ALICE), await submit(BOB), await submit(ALICE)];
    await stop(BOB, ids[0] ?? '');
    const jobs = async (variables: object) => (await read(variables)).nodes.map(({ job }) => job);
    expect(await jobs({ filter: { subject: 'alice' } })).toEqual([ids[2], ids[0]]);
    expect(await jobs({ filter: { job: ids[1] } })).toEqual([ids[1]]);
    expect(await jobs({ filter: { failed: true } })).toEqual([ids[0]]);
    expect(await jobs({ filter: { failed: false, action: 'SUBMIT_JOB' } })).toEqual([...ids].reverse());
    expect(await jobs({ filter: { until: '2020-01-01T00:00:00Z' } })).toEqual([]);
    expect(await jobs({ filter: { since: '2020-01-01T00:00:00Z' } })).toHaveLength(4);
    const { pageInfo, nodes } = await read({ first: 3 });
    expect([nodes.length, pageInfo.hasNextPage]).toEqual([3, true]);
    const rest = await read({ first: 3, after: pageInfo.endCursor });
    expect([rest.nodes.length, rest.pageInfo.hasNextPage]).toEqual([1, false]);
  });

  it('is read backward as well, as Relay requires', async () => {
    const ids = [await submit(ALICE), await submit(BOB), await submit(ALICE), await submit(BOB)];
    const page = async (args: string) => {
      const document = `{ auditLog(${args}) { edges { cursor node { job } } pageInfo {
        hasNextPage hasPreviousPage startCursor endCursor } } }`;
      const { data, errors } = await world.ask(ADMIN, document);
      const found = data?.['auditLog'] as Edges | undefined;
      return {
        errors,
        jobs: found?.edges.map(({ node }) => ids.indexOf(node.job)),
        start: found?.pageInfo.startCursor,
        has: [found?.pageInfo.hasPreviousPage, found?.pageInfo.hasNextPage],
      };
    };
    const oldest = await page('last: 2');
    expect(oldest).toMatchObject({ jobs: [1, 0], has: [true, false] });
    const newer = await page(`last: 2, before: "${oldest.start}"`);
    expect(newer).toMatchObject({ jobs: [3, 2], has: [false, true] });
    expect(await page(`last: 1, before: "${oldest.start}", filter: { subject: "bob" }`)).toMatchObject({
      jobs: [3],
      has: [false, true],
    });
    const between = `after: "${newer.start}", before: "${oldest.start}"`;
    expect((await page(`first: 9, ${between}`)).jobs).toEqual([2]);
    expect((await page(`last: 9, ${between}`)).jobs).toEqual([2]);
    for (const args of ['first: 1, last: 1', 'last: 0', 'last: 101', 'before: "x"'])
      expect((await page(args)).errors?.[0]?.extensions?.['code'], args).toBe('BAD_USER_INPUT');
    for (const first of [0, 101])
      expect((await world.ask(ADMIN, LOG, { first })).errors?.[0]?.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        field: 'first',
      });
  });
});

describe('an entry of a submission', () => {
  it('is stored with the job, and waits for the disk with it', async () => {
    const before = world.syncs();
    const id = await submit(ALICE);
    expect(world.syncs() - before).toBe(1);
    expect((await read()).nodes).toMatchObject([{ action: 'SUBMIT_JOB', job: id, outcome: 'OK' }]);
  });
});

describe('an audit', () => {
  const open = (store: AuditStore, lines: string[] = [], keepMs: number | null = null, now = Date.now) => {
    const audit = new Audit({ store, log: (line) => lines.push(line), keepMs, tokenName: () => null, now });
    dispose(() => audit.close());
    return audit;
  };

  it('records the first sign-ins that fail, and not a flood of them', async () => {
    const audit = open(world.store.audit);
    for (let count = 0; count < 1000; count++) audit.signInFailed({ address: '192.0.2.1' });
    await audit.close();
    const { nodes, pageInfo } = await read({ first: 60, filter: { action: 'SIGN_IN' } });
    expect([nodes.length, pageInfo.hasNextPage]).toEqual([60, false]);
    expect(nodes[0]).toMatchObject({ subject: null, address: '192.0.2.1', outcome: 'UNAUTHENTICATED' });
  });

  it('records of what fails the first of each subject in a minute, and all that succeeds', async () => {
    const audit = open(world.store.audit);
    const refuse = (identity: Identity) =>
      audit
        .record(identity, 'STOP_JOB', () => Promise.reject(new ClientError('NOT_FOUND', 'no such job')))
        .catch((error: unknown) => error);
    for (let count = 0; count < 100; count++) await refuse(ALICE);
    expect(await refuse(BOB)).toBeInstanceOf(ClientError);
    await audit.record(ALICE, 'STOP_JOB', async () => undefined);
    await audit.close();
    const { nodes } = await read({ first: 100 });
    const outcomes = Map.groupBy(nodes, ({ subject, outcome }) => `${subject} ${outcome}`);
    expect([...outcomes].map(([of, all]) => [of, all.length])).toEqual([
      ['alice OK', 1],
      ['bob NOT_FOUND', 1],
      ['alice NOT_FOUND', 60],
    ]);
  });

  it('removes what is too old', async () => {
    const day = 86_400_000;
    const none = { jobId: null, target: null, secrets: 0, address: null, userAgent: null, token: null };
    const entry = { action: 'SIGN_IN', ...none } as const;
    const times = [-3, -1].map((days) => new Date(Date.now() + days * day));
    await world.store.audit.add(
      times.map((time, index) => ({
        ...entry,
        id: newJobId(),
        time,
        subject: `s${index}`,
        outcome: 'OK',
      })),
    );
    await open(world.store.audit, [], 2 * day).close();
    expect((await read()).nodes.map(({ subject }) => subject)).toEqual(['s1']);
  });

  it('does not prevent an action that it cannot record, and logs that', async () => {
    const lines: string[] = [];
    const add = () => Promise.reject(new StoreFullError('full'));
    const audit = open({ ...world.store.audit, add, removeBefore: async () => 0 }, lines);
    expect(
      await audit.record(
        ALICE,
        'STOP_JOB',
        async () => 7,
        () => ({ jobId: 'id' }),
      ),
    ).toBe(7);
    expect(lines).toEqual([expect.stringContaining('could not be written')]);
  });
});
