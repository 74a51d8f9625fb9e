/** What recovery reads of the jobs that have not ended: not their specs, which may be large. */

import type { Unfinished } from '../jobs/store.ts';

/** A row of `UNFINISHED`. Times are milliseconds since 1970. */
export interface UnfinishedRow {
  readonly id: string;
  readonly owner: string;
  readonly status: Unfinished['status'];
  readonly created_at: number;
  readonly priority: number | null;
  readonly start_after: number | null;
  readonly memory: number | null;
  readonly cpus: number | null;
  readonly payload: number;
}

/** An SQL expression for the bytes of the files that came with a job, whose id is an SQL expression too. */
export const inlineBytes = (id: string): string =>
  `coalesce((SELECT sum(size) FROM job_files WHERE job_id = ${id} AND inline = 1), 0)`;

/** Selects these jobs. The payload is a little more than `payloadBytes`: the rest of the spec counts as well. */
export const UNFINISHED = `SELECT id, owner, status, created_at, spec ->> '$.priority' AS priority,
    spec ->> '$.startAfter' AS start_after, spec ->> '$.limits.memory' AS memory, spec ->> '$.limits.cpus' AS cpus,
    octet_length(spec) + coalesce(spec ->> '$.stdin', 0) + coalesce(spec ->> '$.command.bytes', 0)
      + coalesce(spec ->> '$.env.bytes', 0) + ${inlineBytes('jobs.id')} AS payload
  FROM jobs WHERE status IN ('QUEUED', 'RUNNING') ORDER BY id`;

/** The job of a row of `UNFINISHED`. */
export const fromUnfinishedRow = (row: UnfinishedRow): Unfinished => ({
  id: row.id,
  owner: row.owner,
  status: row.status,
  createdAt: new Date(row.created_at),
  // Jobs from before this field existed do not have it: see `LATER_FIELDS`.
  priority: row.priority ?? 0,
  startAfter: row.start_after === null ? null : new Date(row.start_after),
  memoryBytes: row.memory,
  cpus: row.cpus,
  payloadBytes: row.payload,
});
