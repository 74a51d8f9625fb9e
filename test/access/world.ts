/** A job service on cells in memory, behind the schema, for callers of every role. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArtifactLinks } from '../../src/access/artifact-links.ts';
import { Audit } from '../../src/access/audit.ts';
import { auditedFiles } from '../../src/access/audited.ts';
import { AuthorizedFiles } from '../../src/access/authorized-files.ts';
import { Quotas } from '../../src/access/quotas.ts';
import { Rights } from '../../src/access/rights.ts';
import type { Share } from '../../src/access/share.ts';
import { Shares } from '../../src/access/shares.ts';
import { Tokens } from '../../src/access/tokens.ts';
import { Changes } from '../../src/jobs/changes.ts';
import type { Job, JobState, WholeSpec } from '../../src/jobs/job.ts';
import { Jobs } from '../../src/jobs/jobs.ts';
import { UNBOUNDED } from '../../src/jobs/quota.ts';
import { LogReaders } from '../../src/jobs/readers.ts';
import { Removal } from '../../src/jobs/removal.ts';
import type { Identity, Role } from '../../src/jobs/service.ts';
import { Supervision } from '../../src/jobs/supervision.ts';
import type { Log } from '../../src/log.ts';
import { createEngine, type Engine } from '../../src/server/engine.ts';
import { openStore, type Store } from '../../src/store/sqlite-store.ts';
import { FakeCells } from '../jobs/fake-cells.ts';
import { FakeFiles } from '../server/fake-files.ts';
import { FakeImages } from '../server/fake-images.ts';
import type { Answer } from '../server/fixture.ts';
import { makeJob, usage } from '../store/fixture.ts';
import { newLinkKeys } from '../support/link-keys.ts';
import { testSigner } from '../support/signer.ts';

export const caller = (subject: string, role: Role): Identity => ({ subject, role, method: 'TOKEN' });

export class World {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly quotas: Quotas;
  readonly shares: Shares;
  readonly cells = new FakeCells();
  readonly images = new FakeImages();
  /** How often the store waited for the disk. */
  readonly syncs: () => number;
  readonly #engine: Engine;
  readonly jobs: Jobs;

  private constructor(
    store: Store,
    tokens: Tokens,
    shares: Shares,
    quotas: Quotas,
    changes: Changes,
    syncs: () => number,
    dispose: (step: () => unknown) => void,
  ) {
    this.syncs = syncs;
    const log: Log = (line, { level = 'info' } = {}) => {
      if (level !== 'info') throw new Error(line);
    };
    const { cells } = this;
    cells.used = usage;
    const queue = {
      maxRunning: 1,
      maxWaiting: 100,
      maxWaitingBytes: 1_000_000,
      memoryBytes: null,
      cpus: null,
    };
    const supervision = new Supervision({ store, cells, log, queue, quotas });
    quotas.onChange(() => supervision.reconsider());
    const readers = new LogReaders();
    const removal = new Removal({ store, cells, readers, log });
    this.store = store;
    this.tokens = tokens;
    this.shares = shares;
    this.quotas = quotas;
    this.jobs = new Jobs({
      store,
      cells,
      supervision,
      readers,
      removal,
      changes,
      quotas,
      version: '0',
      signer: testSigner(),
    });
    const tokenName = (identity: Identity) => tokens.of(identity)?.name ?? null;
    const audit = new Audit({ store: store.audit, log, keepMs: null, tokenName });
    dispose(() => audit.close());
    this.#engine = createEngine({
      jobs: this.jobs,
      images: this.images,
      files: auditedFiles(new AuthorizedFiles(new FakeFiles(), newLinkKeys()), audit),
      tokens,
      shares,
      quotas,
      audit,
      log,
      artifactLinks: new ArtifactLinks(newLinkKeys()),
    });
    dispose(() => changes.close());
    dispose(() => supervision.close());
    dispose(() => this.jobs.close());
  }

  static async open(dispose: (step: () => unknown) => void): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-access-'));
    dispose(() => rmSync(folder, { recursive: true }));
    let syncs = 0;
    const store = openStore(join(folder, 'cloister.db'), {
      committed: () => {
        syncs += 1;
      },
    });
    dispose(() => store.close());
    const tokens = await Tokens.open({
      store: store.tokens,
      adminSecret: 'x'.repeat(40),
      replaceAdminSecret: async () => undefined,
      rights: new Rights(),
      log: String,
    });
    const quotas = await Quotas.open(store.quotas, UNBOUNDED);
    const shares = await Shares.open({ store: store.shares, rights: new Rights() });
    return new World(store, tokens, shares, quotas, await Changes.open(store, String), () => syncs, dispose);
  }

  /** A link to a job, made by its owner. */
  async share(id: string): Promise<{ share: Share; secret: string }> {
    const job = await this.store.get(id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return this.shares.create(caller(job.owner, 'USER'), job);
  }

  /** Puts a job into the store, where nothing starts it. */
  async put(
    owner: string,
    state: JobState,
    spec: Partial<WholeSpec> = {},
    more: Partial<Job> = {},
  ): Promise<Job> {
    const job = makeJob(spec, { owner, state, ...more });
    await this.store.insert(job);
    // As a supervisor leaves it: a job that has started has a log.
    if (state.status !== 'QUEUED') this.cells.make(job.id);
    return job;
  }

  /** The answer to a document; of a subscription the first. */
  async ask(identity: Identity | null, query: string, variables: object = {}): Promise<Answer> {
    const isStream = query.startsWith('subscription');
    const over = new AbortController();
    const response = await this.#engine.fetch(
      'http://localhost/graphql',
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: isStream ? 'text/event-stream' : 'application/json',
        },
        body: JSON.stringify({ query, variables }),
      },
      { identity, baseUrl: 'http://localhost', over: over.signal, ended: new AbortController().signal },
    );
    if (!isStream) return (await response.json()) as Answer;
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const json = /^data: ([^\n]+)\n\n/m.exec(text)?.[1];
      if (json !== undefined) {
        over.abort();
        return JSON.parse(json) as Answer;
      }
    }
    return { data: null };
  }
}
