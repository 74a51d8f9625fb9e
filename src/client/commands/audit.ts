/** The command `cloister audit`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { moment, oneOf } from '../flag-values.ts';
import { type AuditAction, AuditLogDocument } from '../generated/operations.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';

/** The flags of `cloister audit`. */
export interface AuditFlags {
  readonly action?: string;
  readonly subject?: string;
  readonly job?: string;
  readonly failed?: boolean;
  readonly since?: string;
  readonly until?: string;
}

const PAGE = 100;
const ACTIONS = [
  'SUBMIT_JOB',
  'STOP_JOB',
  'PAUSE_JOB',
  'RESUME_JOB',
  'SIGNAL_JOB',
  'DELETE_JOB',
  'PIN_JOB',
  'CREATE_TOKEN',
  'REVOKE_TOKEN',
  'ROTATE_ADMIN_TOKEN',
  'SET_QUOTA',
  'SIGN_IN',
] as const satisfies readonly AuditAction[];

/** `cloister audit`: every entry that matches as a line of JSON, the newest first. */
export const audit = async (config: ClientConfig, flags: AuditFlags): Promise<void> => {
  const { action, subject, job, failed, since, until } = flags;
  const now = Date.now();
  const filter = {
    action: action === undefined ? null : oneOf('--action', ACTIONS, action),
    subject: subject ?? null,
    job: job ?? null,
    failed: failed ?? null,
    since: since === undefined ? null : moment('--since', 'ago', since, now),
    until: until === undefined ? null : moment('--until', 'ago', until, now),
  };
  const connection = await connect(config);
  let after: string | null = null;
  do {
    const { auditLog: page }: Page = await request(connection, AuditLogDocument, {
      first: PAGE,
      after,
      filter,
    });
    if (page.nodes.length > 0) await print(page.nodes.map((entry) => JSON.stringify(entry)).join('\n'));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
};

interface Page {
  readonly auditLog: {
    readonly nodes: readonly object[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}
