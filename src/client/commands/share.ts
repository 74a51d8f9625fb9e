/** The commands `cloister share` and `unshare`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { duration } from '../flag-values.ts';
import { RevokeShareDocument, ShareJobDocument, SharesDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { note, print, printJson } from '../output.ts';
import { request } from '../request.ts';

export interface ShareFlags {
  readonly expires?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** `cloister share`: prints the link alone to stdout. */
export const share = async (config: ClientConfig, job: string, flags: ShareFlags): Promise<void> => {
  const expiresIn = flags.expires === undefined ? null : duration('--expires', flags.expires);
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  if (flags.list) {
    const { job: found } = await request(connection, SharesDocument, { id: jobId });
    const shares = found?.shares ?? [];
    if (flags.json) return printJson(shares);
    for (const { id, createdBy, expiresAt, revokedAt } of shares)
      await print([id, createdBy, revokedAt === null ? `valid until ${expiresAt}` : 'revoked'].join('\t'));
    return;
  }
  const { shareJob: made } = await request(connection, ShareJobDocument, { input: { jobId, expiresIn } });
  if (flags.json) return printJson(made);
  await print(made.url);
  await note(`link ${made.share.id}, valid until ${made.share.expiresAt}: it is shown once`);
};

/** `cloister unshare`. */
export const unshare = async (config: ClientConfig, id: string): Promise<void> => {
  const { revokeShare } = await request(await connect(config), RevokeShareDocument, { input: { id } });
  await print(revokeShare.share.id);
};
