/** Every field and operation of the schema, as each role, for the job of somebody else. */

import { getNamedType, isLeafType, isObjectType, isRequiredArgument } from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/id.ts';
import type { Job } from '../../src/jobs/job.ts';
import type { Identity } from '../../src/jobs/service.ts';
import { schema } from '../../src/resolvers/schema.ts';
import { fakeImage } from '../server/fake-images.ts';
import { STATES } from '../store/fixture.ts';
import { disposers } from '../support/disposers.ts';
import { DECISIONS, OPERATIONS, type Operation } from './decisions.ts';
import { caller, World } from './world.ts';

const ROOTS = ['Query', 'Mutation', 'Subscription'];
const ADMIN = caller('root', 'ADMIN');
const OWNER = caller('alice', 'USER');
const VIEWER = caller('alice', 'VIEWER');
/** Who has the link to a job. */
const guest = (jobId: string): Identity => ({ subject: 'share x', role: 'VIEWER', method: 'SHARE', jobId });
const OTHERS = [caller('bob', 'USER'), caller('bob', 'VIEWER')];

const onEnd = disposers();
let world: World;

beforeEach(async () => {
  world = await World.open(onEnd);
});

const fieldsOf = (type: unknown): readonly string[] =>
  isObjectType(type) ? Object.keys(type.getFields()) : [];

/** Every field of a type that takes no arguments, and what is below it; jobs in a job only by their ids. */
const selectionOf = (name: string, seen: readonly string[] = []): string => {
  const type = schema.getType(name);
  if (!isObjectType(type)) throw new Error(`${name} is not an object type`);
  return Object.values(type.getFields())
    .filter(({ args }) => !args.some(isRequiredArgument))
    .map((field) => {
      const inner = getNamedType(field.type);
      if (isLeafType(inner)) return field.name;
      if ([...seen, name].includes(inner.name)) return `${field.name} { id }`;
      return `${field.name} { ${selectionOf(inner.name, [...seen, name])} }`;
    })
    .join(' ');
};

const JOB = selectionOf('Job');
const documentOf = ({ document }: { readonly document: string }): string => document.replace('JOB', JOB);

const OF_JOBS = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'job' }] => entry[1].kind === 'job',
);
const SUBMISSIONS = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'submit' }] => entry[1].kind === 'submit',
);
const UPLOADS = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'upload' }] => entry[1].kind === 'upload',
);
const FOR_ADMINS = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'admin' }] => entry[1].kind === 'admin',
);
const FOR_LINKS = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'share' }] => entry[1].kind === 'share',
);
const FOR_ALL = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'same' }] => entry[1].kind === 'same',
);
const FOR_ANYONE = Object.entries(OPERATIONS).filter(
  (entry): entry is [string, Operation & { kind: 'anyone' }] => entry[1].kind === 'anyone',
);

/** A job of each state, and a pinned one, of one owner. */
const jobsOf = async (owner: string): Promise<readonly Job[]> => {
  const jobs = await Promise.all(STATES.map((state) => world.put(owner, state)));
  const [, , , completed] = STATES;
  if (completed === undefined) throw new Error('STATES has no fourth');
  return [...jobs, await world.put(owner, completed, {}, { pinned: true })];
};

const codesOf = ({ errors = [] }: Awaited<ReturnType<World['ask']>>) =>
  errors.map(({ extensions }) => extensions?.['code']);

describe('the decisions', () => {
  it('exist for every operation', () => {
    const operations = ROOTS.flatMap((root) =>
      fieldsOf(schema.getType(root)).map((name) => `${root}.${name}`),
    );
    expect(Object.keys(OPERATIONS).sort()).toEqual(operations.sort());
  });

  it('exist for every field', () => {
    const types = Object.values(schema.getTypeMap()).filter(
      (type) => isObjectType(type) && !ROOTS.includes(type.name) && !type.name.startsWith('__'),
    );
    const fields = (names: readonly (readonly [string, readonly string[]])[]) =>
      names.flatMap(([type, own]) => own.map((name) => `${type}.${name}`)).sort();
    expect(fields(Object.entries(DECISIONS).map(([type, own]) => [type, Object.keys(own)]))).toEqual(
      fields(types.map((type) => [type.name, fieldsOf(type)])),
    );
  });
});

describe.each(OF_JOBS)('%s', (_name, operation) => {
  it.each(OTHERS)('answers $subject as $role as if there were no such job', async (other) => {
    const jobs = await jobsOf('alice');
    const before = await Promise.all(jobs.map(({ id }) => world.store.get(id)));
    for (const { id } of jobs) {
      const none = newJobId();
      const answer = JSON.stringify(await world.ask(other, documentOf(operation), { id }));
      const expected = JSON.stringify(await world.ask(other, documentOf(operation), { id: none }));
      expect(answer.replaceAll(id, none)).toBe(expected);
      expect(answer).toContain('"code"');
    }
    expect(await Promise.all(jobs.map(({ id }) => world.store.get(id)))).toEqual(before);
    expect([...world.cells.cells.values()].flatMap(({ requests }) => requests)).toEqual([]);
  });

  it(operation.changes ? 'is forbidden to a VIEWER' : 'shows a VIEWER what its subject owns', async () => {
    const jobs = await jobsOf('alice');
    // A queued job has no usage yet, and a subscription waits for it.
    const shown = jobs.filter(({ state }) => state.status !== 'QUEUED');
    for (const { id } of operation.changes ? [...jobs, { id: newJobId() }] : shown)
      expect(codesOf(await world.ask(VIEWER, documentOf(operation), { id }))).toEqual(
        operation.changes ? ['FORBIDDEN'] : [],
      );
    const left = await Promise.all(jobs.map(({ id }) => world.store.get(id)));
    expect(left).toEqual(jobs);
  });

  it.each([OWNER, ADMIN])('finds the job for $subject as $role', async (identity) => {
    // The store holds it, and nothing that carries a request out: what answers is a state, and not the lack of a job.
    const { id } = await world.put('alice', STATES[3] ?? { status: 'QUEUED' });
    const codes = codesOf(await world.ask(identity, documentOf(operation), { id }));
    expect(['', 'JOB_NOT_RUNNING']).toContain(codes.join());
  });
});

describe.each(FOR_LINKS)('%s', (_name, { document }) => {
  it('answers others as if there were no such link, and is forbidden to a VIEWER', async () => {
    const { id: jobId } = await world.put('alice', { status: 'QUEUED' });
    const { share } = await world.share(jobId);
    for (const other of OTHERS)
      for (const id of [share.id, newJobId()])
        expect(codesOf(await world.ask(other, document, { id }))).toEqual([
          other.role === 'VIEWER' ? 'FORBIDDEN' : 'NOT_FOUND',
        ]);
    expect(codesOf(await world.ask(VIEWER, document, { id: share.id }))).toEqual(['FORBIDDEN']);
    expect(codesOf(await world.ask(guest(jobId), document, { id: share.id }))).toEqual(['FORBIDDEN']);
    expect(world.shares.of({ id: jobId } as Job)).toMatchObject([{ id: share.id, revokedAt: null }]);
  });

  it.each([OWNER, ADMIN])('finds the link for $subject as $role', async (identity) => {
    const { id: jobId } = await world.put('alice', { status: 'QUEUED' });
    const { share, secret } = await world.share(jobId);
    expect(world.shares.identify(secret)).toMatchObject({ method: 'SHARE', jobId });
    expect(codesOf(await world.ask(identity, document, { id: share.id }))).toEqual([]);
    expect(world.shares.identify(secret)).toBeNull();
  });
});

describe('somebody who has a link', () => {
  it.each(OF_JOBS)('%s: sees its job alone, and changes nothing', async (_name, operation) => {
    const jobs = await jobsOf('alice');
    const [own, ...others] = jobs.filter(({ state }) => state.status !== 'QUEUED');
    if (own === undefined) throw new Error('no job has started');
    // Its subject is nobody's: the owner of a job may be called as it is.
    const caller = { ...guest(own.id), subject: 'alice' };
    const asked = documentOf(operation);
    expect(codesOf(await world.ask(caller, asked, { id: own.id }))).toEqual(
      operation.changes ? ['FORBIDDEN'] : [],
    );
    for (const { id } of [...others, { id: newJobId() }]) {
      const codes = codesOf(await world.ask(caller, asked, { id }));
      expect(codes.length).toBeGreaterThan(0);
      expect(codes).toEqual(codes.map(() => (operation.changes ? 'FORBIDDEN' : 'NOT_FOUND')));
    }
    expect(await Promise.all(jobs.map(({ id }) => world.store.get(id)))).toEqual(jobs);
  });

  it('sees no environment, no input, no links and no list', async () => {
    const { id } = await world.put(
      'alice',
      { status: 'QUEUED' },
      { env: [{ name: 'SECRET', value: 'xyzzy' }] },
    );
    await world.share(id);
    const caller = guest(id);
    const query = `query ($id: ID!) { job(id: $id) { env { name value } stdin shares { id } }
      jobs { totalCount nodes { id } } server { jobs { queued running } } }`;
    expect((await world.ask(caller, query, { id })).data).toEqual({
      job: { env: [], stdin: null, shares: [] },
      jobs: { totalCount: 0, nodes: [] },
      server: { jobs: { queued: 0, running: 0 } },
    });
    const watched = await world.ask(
      caller,
      'subscription ($id: ID!) { jobUpdated(jobId: $id) { env { name } shares { id } } }',
      { id },
    );
    expect(watched.data).toEqual({ jobUpdated: { env: [], shares: [] } });
    const { data } = await world.ask(OWNER, query, { id });
    expect(data).toMatchObject({ job: { env: [{ name: 'SECRET', value: 'xyzzy' }], shares: [{}] } });
  });

  it.each([...SUBMISSIONS, ...UPLOADS, ...FOR_ADMINS])('%s: is forbidden', async (_name, { document }) => {
    const { id } = await world.put('alice', { status: 'QUEUED' });
    expect(codesOf(await world.ask(guest(id), document, { id }))).toEqual(['FORBIDDEN']);
  });
});

describe.each(UPLOADS)('%s', (_name, { document }) => {
  it('is forbidden to a VIEWER, and allowed to others', async () => {
    expect(codesOf(await world.ask(VIEWER, document))).toEqual(['FORBIDDEN']);
    expect(codesOf(await world.ask(OWNER, document))).toEqual([]);
  });
});

describe.each(SUBMISSIONS)('%s', (name, operation) => {
  it('is forbidden to a VIEWER', async () => {
    expect(codesOf(await world.ask(VIEWER, operation.document))).toEqual(['FORBIDDEN']);
    expect(await world.store.count({})).toBe(0);
  });

  it('makes a job of the caller', async () => {
    const field = name.replace('Mutation.', '');
    expect(await world.ask(OWNER, operation.document)).toEqual({
      data: { [field]: { job: { owner: 'alice' } } },
    });
  });
});

describe.each(FOR_ADMINS)('%s', (_name, { document }) => {
  it.each([...OTHERS, OWNER, VIEWER])('is forbidden to $subject as $role', async (identity) => {
    const { token } = await world.tokens.create(ADMIN, { name: 'n', subject: 's', role: 'ADMIN' });
    for (const id of [token.id, newJobId()])
      expect(codesOf(await world.ask(identity, document, { id }))).toEqual(['FORBIDDEN']);
    expect(world.tokens.list(ADMIN)).toEqual([token]);
  });

  it('is for an ADMIN', async () => {
    const { token } = await world.tokens.create(ADMIN, { name: 'n', subject: 's', role: 'VIEWER' });
    expect(codesOf(await world.ask(ADMIN, document, { id: token.id }))).toEqual([]);
  });
});

describe.each(FOR_ALL)('%s', (_name, { document }) => {
  it('says the same to every caller, and nothing without one', async () => {
    const { data } = await world.ask(ADMIN, document);
    expect(JSON.stringify(data).length).toBeGreaterThan(100);
    const { id } = await world.put('alice', { status: 'QUEUED' });
    for (const identity of [...OTHERS, OWNER, VIEWER, guest(id)])
      expect((await world.ask(identity, document)).data).toEqual(data);
    expect(codesOf(await world.ask(null, document))).toEqual(['UNAUTHENTICATED']);
  });
});

describe('a receipt', () => {
  const RECEIPT = 'query ($id: ID!) { job(id: $id) { receipt { envelope keyId } } }';
  const statementOf = ({ data }: Awaited<ReturnType<World['ask']>>) => {
    const { job } = data as { job: { receipt: { envelope: string } } };
    return JSON.parse(Buffer.from(JSON.parse(job.receipt.envelope).payload, 'base64').toString());
  };

  it('is there once the job has ended, and leaves the environment out for those who came by a link', async () => {
    const [, , , completed] = STATES;
    if (completed === undefined) throw new Error('STATES has no fourth');
    const env = [{ name: 'TOKEN', value: 'xyzzy' }];
    const { id } = await world.put('alice', completed, { env });
    const own = statementOf(await world.ask(OWNER, RECEIPT, { id }));
    expect(own.predicate.result.input).not.toBeNull();
    expect(own.predicate.spec.env.variables).toEqual([{ name: 'TOKEN', secret: false }]);
    expect(statementOf(await world.ask(VIEWER, RECEIPT, { id }))).toEqual(own);
    const shown = statementOf(await world.ask(guest(id), RECEIPT, { id }));
    expect(shown).toEqual({
      ...own,
      predicate: {
        ...own.predicate,
        spec: { ...own.predicate.spec, env: null, files: null },
        result: { ...own.predicate.result, input: null },
        artifacts: null,
      },
    });
    const queued = await world.put('alice', { status: 'QUEUED' });
    expect(await world.ask(OWNER, RECEIPT, { id: queued.id })).toEqual({ data: { job: { receipt: null } } });
  });
});

describe.each(FOR_ANYONE)('%s', (_name, { document }) => {
  it.each([...OTHERS, OWNER, VIEWER, ADMIN])('shows $subject as $role itself', async (identity) => {
    const { subject, role } = identity;
    const { token } = await world.tokens.create(ADMIN, { name: 'own', subject, role });
    await world.tokens.create(ADMIN, { name: 'other', subject: 'somebody', role });
    const { data } = await world.ask({ ...identity, tokenId: token.id }, document);
    expect(data).toEqual({ viewer: { subject, role, method: 'TOKEN', token: { name: 'own', subject } } });
  });
});

describe('other jobs of a job', () => {
  const LINKS =
    'query ($id: ID!) { job(id: $id) { retryOf { id } retriedBy { id } queue { position reason } } }';

  it('are not shown to callers who cannot see them', async () => {
    const first = await world.put('alice', { status: 'QUEUED' });
    const { id } = await world.put(
      'bob',
      { status: 'QUEUED' },
      { retryOf: first.id },
      { retriedBy: first.id },
    );
    for (const other of OTHERS)
      expect(await world.ask(other, LINKS, { id })).toEqual({
        data: { job: { retryOf: null, retriedBy: null, queue: null } },
      });
    const { data } = await world.ask(ADMIN, LINKS, { id });
    expect(data).toEqual({ job: { retryOf: { id: first.id }, retriedBy: { id: first.id }, queue: null } });
  });

  it('are counted in the position in the queue, and described to admins only', async () => {
    await world.jobs.submit(OWNER, { command: 'true', name: 'runs' });
    await world.jobs.submit(OWNER, { command: 'true', name: 'waits' });
    const { id } = await world.jobs.submit(caller('bob', 'USER'), { command: 'true' });
    for (const other of OTHERS)
      expect(await world.ask(other, LINKS, { id })).toMatchObject({
        data: { job: { queue: { position: 2, reason: '1 job is ahead of it' } } },
      });
    expect(JSON.stringify(await world.ask(ADMIN, LINKS, { id }))).toContain('for the first: ');
  });
});

describe('many jobs', () => {
  const LIST = `query ($filter: JobFilter, $first: Int, $last: Int, $after: String, $before: String) {
    jobs(filter: $filter, first: $first, last: $last, after: $after, before: $before) {
      totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

  it.each(OTHERS)('are for $subject as $role its own, however it asks', async (other) => {
    const older = await world.put('bob', { status: 'QUEUED' });
    const foreign = await jobsOf('alice');
    const newer = await world.put('bob', { status: 'QUEUED' });
    const latest = await world.put('alice', { status: 'QUEUED' });
    const list = async (variables: object) => (await world.ask(other, LIST, variables)).data?.['jobs'];
    const page = (
      ids: readonly string[],
      totalCount: number,
      hasNextPage = false,
      hasPreviousPage = false,
    ) => ({
      totalCount,
      nodes: ids.map((id) => ({ id })),
      pageInfo: {
        hasNextPage,
        hasPreviousPage,
        startCursor: ids[0] ?? null,
        endCursor: ids.at(-1) ?? null,
      },
    });
    const own = page([newer.id, older.id], 2);
    expect(await list({})).toEqual(own);
    expect(await list({ filter: { owner: 'bob' } })).toEqual(own);
    expect(await list({ filter: { owner: 'alice' } })).toEqual(await list({ filter: { owner: 'nobody' } }));
    expect(await list({ filter: { owner: 'alice' } })).toEqual(page([], 0));
    expect(await list({ filter: { owner: '' } })).toEqual(page([], 0));
    expect(await list({ first: 1 })).toEqual(page([newer.id], 2, true));
    expect(await list({ last: 1 })).toEqual(page([older.id], 2, false, true));
    for (const { id } of foreign) {
      expect(await list({ after: id })).toEqual(page([older.id], 2, false, true));
      expect(await list({ before: id })).toEqual(page([newer.id], 2));
      expect(await list({ filter: { idPrefix: id.slice(0, 35) } })).toEqual(page([], 0));
    }
    expect(await list({ before: latest.id })).toEqual(page([], 2));
    expect(await list({ filter: { status: ['COMPLETED', 'FAILED', 'RUNNING'] } })).toEqual(page([], 0));
  });

  it.each([...OTHERS, ADMIN])('are counted for $subject as $role', async (identity) => {
    await jobsOf('alice');
    await world.put('bob', { status: 'QUEUED' });
    const { data } = await world.ask(identity, '{ server { jobs { queued running } } }');
    expect(data).toEqual({
      server: { jobs: identity === ADMIN ? { queued: 2, running: 2 } : { queued: 1, running: 0 } },
    });
  });

  it.each(OTHERS)('have events that $subject as $role does not get', async (other) => {
    await jobsOf('alice');
    const own = await world.put('bob', { status: 'QUEUED' });
    await jobsOf('alice');
    const events = (filter: object) =>
      world.ask(other, EVENTS, { filter }).then(({ data }) => data?.['jobEvents']);
    expect(await events({})).toEqual({ job: { id: own.id, owner: 'bob' } });
    // Of an owner whose jobs it cannot see there is none: the next own event is not one of them either.
    const none = events({ owner: 'alice' });
    await world.put('alice', { status: 'QUEUED' });
    await world.put('bob', { status: 'QUEUED' });
    await world.jobs.complete();
    expect(await none).toBeUndefined();
  });

  const EVENTS = `subscription ($filter: JobFilter) {
    jobEvents(after: "0", filter: $filter) { job { id owner } } }`;
});

describe('an idempotency key', () => {
  const SUBMIT = `mutation ($command: String!) {
    submitJob(input: { command: $command, idempotencyKey: "k" }) { job { id owner command } } }`;

  it('belongs to a subject', async () => {
    const submit = (subject: string, command: string) =>
      world.ask(caller(subject, 'USER'), SUBMIT, { command });
    const { data: first } = await submit('alice', 'true');
    expect(await submit('bob', 'false')).toMatchObject({
      data: { submitJob: { job: { owner: 'bob', command: 'false' } } },
    });
    expect((await submit('alice', 'true')).data).toEqual(first);
    expect(codesOf(await submit('alice', 'false'))).toEqual(['IDEMPOTENCY_CONFLICT']);
  });
});

describe('images', () => {
  const LIST = '{ images { name owner } }';
  const DELETE = 'mutation ($name: String!) { deleteImage(input: { name: $name }) { name } }';
  const SUBMIT = `mutation ($image: String!) {
    submitJob(input: { command: "true", image: $image }) { job { id } } }`;

  beforeEach(() => {
    for (const owner of ['alice', 'bob'])
      world.images.images.set(`of-${owner}`, fakeImage(`of-${owner}`, owner));
  });

  it.each([...OTHERS, OWNER, VIEWER, ADMIN])('are shown to $subject as $role', async (identity) => {
    const { data } = await world.ask(identity, LIST);
    const own = { name: `of-${identity.subject}`, owner: identity.subject };
    const all = ['alice', 'bob'].map((owner) => ({ name: `of-${owner}`, owner }));
    expect(data).toEqual({
      images: [{ name: 'alpine', owner: null }, ...(identity === ADMIN ? all : [own])],
    });
  });

  it.each(OTHERS)('of somebody else do not exist for $subject as $role', async (other) => {
    for (const document of [DELETE, SUBMIT]) {
      const ask = async (name: string) =>
        JSON.stringify(await world.ask(other, document, { name, image: name })).replaceAll(name, 'NAME');
      expect(await ask('of-alice')).toBe(await ask('nosuch'));
    }
    expect(world.images.images.has('of-alice')).toBe(true);
    expect(await world.store.count({})).toBe(0);
  });

  it('are deleted by their owner and by an ADMIN, and those of everybody by the latter', async () => {
    expect(codesOf(await world.ask(VIEWER, DELETE, { name: 'of-alice' }))).toEqual(['FORBIDDEN']);
    expect(codesOf(await world.ask(OWNER, DELETE, { name: 'alpine' }))).toEqual(['FORBIDDEN']);
    expect(codesOf(await world.ask(OWNER, DELETE, { name: 'of-alice' }))).toEqual([]);
    expect(codesOf(await world.ask(ADMIN, DELETE, { name: 'of-bob' }))).toEqual([]);
    expect([...world.images.images.keys()]).toEqual(['alpine']);
  });
});
