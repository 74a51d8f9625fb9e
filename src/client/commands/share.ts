/** The commands `cloister share` and `unshare`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { duration } from '../flag-values.ts';
import { RevokeShareDocument, ShareJobDocument, SharesDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { note, print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, printList } from '../row-format.ts';

/** The flags of `cloister share`, as they were typed. */
export interface ShareFlags {
  readonly expires?: string;
  readonly list?: boolean;
  readonly json?: boolean;
  /** The flags of --list. */
  readonly format?: string;
}

/**
 * `cloister share`: prints the link alone to stdout.
 *
 * @throws CliError for flags that exclude each other
 */
export const share = async (config: ClientConfig, job: string, flags: ShareFlags): Promise<void> => {
  formatOf(flags);
  if (flags.format !== undefined && !flags.list)
    throw new CliError('--format: expected together with --list');
  const expiresIn = flags.expires === undefined ? null : duration('--expires', flags.expires);
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  if (flags.list) {
    const { job: found } = await request(connection, SharesDocument, { id: jobId });
    const shares = found?.shares ?? [];
    if (shares.length === 0 && !flags.json) return;
    return printList(shares, flags, () =>
      shares
        .map(({ id, createdBy, expiresAt, revokedAt }) =>
          [id, createdBy, revokedAt === null ? `valid until ${expiresAt}` : 'revoked'].join('\t'),
        )
        .join('\n'),
    );
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
