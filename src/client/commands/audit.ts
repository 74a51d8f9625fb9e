/** The command `cloister audit`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { enumValues, moment, oneOf } from '../flag-values.ts';
import { type AuditAction, AuditLogDocument } from '../generated/operations.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';
import { formatOf } from '../row-format.ts';

/** The flags of `cloister audit`. */
export interface AuditFlags {
  readonly action?: string;
  readonly subject?: string;
  readonly job?: string;
  readonly failed?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly format?: string;
}

const PAGE = 100;
/** All actions of the schema: the compiler reports a missing one. */
const ACTIONS = enumValues<AuditAction>({
  SUBMIT_JOB: true,
  EXEC_IN_JOB: true,
  WRITE_STDIN: true,
  RESIZE_TERMINAL: true,
  READ_FILE: true,
  WRITE_FILE: true,
  STOP_JOB: true,
  PAUSE_JOB: true,
  RESUME_JOB: true,
  SIGNAL_JOB: true,
  DELETE_JOB: true,
  PIN_JOB: true,
  SHARE_JOB: true,
  REVOKE_SHARE: true,
  CREATE_UPLOAD: true,
  UPLOAD_FILE: true,
  DOWNLOAD_ARTIFACT: true,
  SAVE_IMAGE: true,
  IMPORT_IMAGE: true,
  PULL_IMAGE: true,
  DELETE_IMAGE: true,
  CREATE_TOKEN: true,
  REVOKE_TOKEN: true,
  ROTATE_ADMIN_TOKEN: true,
  SET_QUOTA: true,
  SIGN_IN: true,
});

/** `cloister audit`: every entry that matches as a line of JSON, or as --format says, the newest first. */
export const audit = async (config: ClientConfig, flags: AuditFlags): Promise<void> => {
  const { action, subject, job, failed, since, until } = flags;
  const render = formatOf(flags) ?? JSON.stringify;
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
    if (page.nodes.length > 0) await print(page.nodes.map((entry) => render(entry)).join('\n'));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
};

interface Page {
  readonly auditLog: {
    readonly nodes: readonly object[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}
