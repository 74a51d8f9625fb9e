/**
 * A GraphQL server of others on the database of a server of ours: `node query-peer.ts yoga|mercurius DATABASE [FOLDER]`.
 * It reads the same rows with as few columns as its answers have, and knows no tokens, limits or filters. Prints its port.
 */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createSchema, createYoga } from 'graphql-yoga';

const [kind, path = '', folder = ''] = process.argv.slice(2);
const db = new Database(path, { readonly: true });

const typeDefs = `
  type Query { job(id: ID!): Job  jobs(first: Int!): JobConnection! }
  type JobConnection { nodes: [Job!]!  pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean!  endCursor: String }
  type Job {
    id: ID!  name: String  command: String  image: String!  status: String!  exitCode: Int  createdAt: String!
    startedAt: String  finishedAt: String  owner: String!  priority: Int!
  }`;

interface Row {
  readonly id: string;
  readonly created_at: number;
  readonly started_at?: number | null;
  readonly finished_at: number | null;
  readonly exit_code: number | null;
  readonly spec?: string;
}

const time = (ms: number | null | undefined): string | null =>
  ms == null ? null : new Date(ms).toISOString();

const toJob = (row: Row) => ({
  ...row,
  exitCode: row.exit_code,
  createdAt: time(row.created_at),
  finishedAt: time(row.finished_at),
});

const one = db.prepare<[string], Row>(
  'SELECT id, name, image, status, exit_code, created_at, started_at, finished_at, owner, spec FROM jobs WHERE id = ?',
);
const page = db.prepare<[number], Row>(
  'SELECT id, name, status, created_at, finished_at, exit_code, owner FROM jobs ORDER BY id DESC LIMIT ?',
);

const resolvers = {
  Query: {
    job: (_root: unknown, { id }: { id: string }) => {
      const row = one.get(id);
      if (row === undefined) return null;
      const { command, priority } = JSON.parse(row.spec ?? '{}') as {
        command: { line?: string };
        priority?: number;
      };
      const startedAt = time(row.started_at);
      return { ...toJob(row), startedAt, command: command.line ?? null, priority: priority ?? 0 };
    },
    jobs: (_root: unknown, { first }: { first: number }) => {
      const rows = page.all(first + 1);
      const nodes = rows.slice(0, first).map(toJob);
      return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor: nodes.at(-1)?.id ?? null } };
    },
  },
};

/** As its documentation recommends: compiled after the first request of a document. */
const mercurius = async (): Promise<number> => {
  const require = createRequire(join(folder, 'package.json'));
  const app = require('fastify')();
  await app.register(require('mercurius'), { schema: typeDefs, resolvers, jit: 1 });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server.address().port;
};

const yoga = async (): Promise<number> => {
  const engine = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
  const server = createServer(engine);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

console.log(await (kind === 'mercurius' ? mercurius() : yoga()));
