import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { DeleteJobDocument } from '../generated/operations.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';

/** `cloister delete`: prints the id of each job that is gone. */
export const remove = async (config: ClientConfig, ids: readonly string[]): Promise<void> => {
  const connection = await connect(config);
  for (const jobId of ids) {
    const { deleteJob } = await request(connection, DeleteJobDocument, { input: { jobId } });
    await print(deleteJob.job.id);
  }
};
