/** How many queries are answered in a second, compared with other GraphQL servers on the same rows. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Bench, QUERY_PEERS } from '../bench.ts';
import type { Contender, Figure } from '../figure.ts';
import { type Load, requestsPerSecond } from '../http-load.ts';
import { PeerServer } from '../peer-server.ts';

const ROWS = 1000;
/** How long it is asked. */
export type LoadTimes = Pick<Load, 'connections' | 'warmUpMs' | 'ms'>;

const LOAD: LoadTimes = { connections: 16, warmUpMs: 2000, ms: 1500 };

/** Adds jobs that have ended to the database of a server, as copies of one that it ran; their ids. */
const fill = (path: string): readonly string[] => {
  const db = new Database(path);
  const columns = db
    .prepare<[], { name: string }>("SELECT name FROM pragma_table_info('jobs') WHERE name <> 'id'")
    .all()
    .map(({ name }) => name)
    .join(', ');
  const copy = db.prepare(
    `INSERT OR IGNORE INTO jobs (id, ${columns}) SELECT ?, ${columns} FROM jobs WHERE finished_at IS NOT NULL LIMIT 1`,
  );
  const now = Date.now().toString(16).padStart(12, '0');
  const ids = Array.from(
    { length: ROWS },
    (_, index) => `${now.slice(0, 8)}-${now.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`,
  );
  db.transaction(() => {
    for (const id of ids) copy.run(id);
  })();
  db.close();
  return ids;
};

const figure = (
  name: string,
  how: string,
  bodies: (ids: readonly string[]) => readonly string[],
  times: LoadTimes = LOAD,
): Figure => ({
  name,
  unit: 'per second',
  how: `${how}, ${times.connections} connections, among ${ROWS} jobs; only Cloister has tokens, limits and an audit log`,
  less: false,
  base: 'graphql-yoga',
  open: async (bench: Bench): Promise<readonly Contender[]> => {
    const server = await bench.server('memory');
    const database = join(server.stateDir, 'cloister.db');
    const load: Omit<Load, 'port'> = { ...times, bodies: bodies(fill(database)) };
    const contenders: Contender[] = [];
    for (const [kind, title] of [
      ['yoga', 'graphql-yoga'],
      ['mercurius', 'mercurius with its JIT'],
    ] as const) {
      if (kind === 'mercurius' && !existsSync(join(QUERY_PEERS, 'node_modules', kind))) continue;
      const peer = await PeerServer.start('query-peer.ts', kind, database, QUERY_PEERS);
      contenders.push({
        name: title,
        measure: () => requestsPerSecond({ ...load, port: peer.port }),
        close: () => peer.close(),
      });
    }
    const port = Number(new URL(server.url).port);
    const { token } = server;
    return [...contenders, { name: 'Cloister', measure: () => requestsPerSecond({ ...load, port, token }) }];
  },
});

const JOB = `query Job($id: ID!) {
  job(id: $id) { id name command image status exitCode createdAt startedAt finishedAt owner priority }
}`;
const JOBS = `{
  jobs(first: 50) { nodes { id name status createdAt finishedAt exitCode owner } pageInfo { hasNextPage endCursor } }
}`;

/** Jobs by their ids. */
export const jobQueries = (times: LoadTimes = LOAD): Figure =>
  figure(
    'Queries per second: `job(id)`',
    '11 fields of one job, each time another',
    (ids) => ids.map((id) => JSON.stringify({ query: JOB, variables: { id } })),
    times,
  );

export const queries: readonly Figure[] = [
  jobQueries(),
  figure('Queries per second: `jobs(first: 50)`', '7 fields of the newest 50 jobs', () => [
    JSON.stringify({ query: JOBS }),
  ]),
];
