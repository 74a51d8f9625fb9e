/** The command `cloister events`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { commandLine } from '../format.ts';
import { FollowEventsDocument, type FollowEventsSubscription } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { type FilterFlags, jobFilter } from '../job-filter.ts';
import { print } from '../output.ts';
import { reconnecting } from '../reconnect.ts';
import { subscribe } from '../subscribe.ts';

/** `cloister events`: a line for each state change of a job until interrupted; each once, even if connections break. */
export const events = async (
  config: ClientConfig,
  flags: FilterFlags & { readonly after?: string; readonly json?: boolean },
): Promise<void> => {
  const filter = jobFilter(flags);
  const connection = await connect(config);
  let { after } = flags;
  const changes = reconnecting(connection, () =>
    subscribe(connection, FollowEventsDocument, { after, filter }),
  );
  for await (const { jobEvents } of changes) {
    after = jobEvents.cursor;
    await print(flags.json ? JSON.stringify(jobEvents) : eventLine(jobEvents));
  }
};

const eventLine = ({ time, status, job }: FollowEventsSubscription['jobEvents']): string =>
  [time, job.id, status, inert(job.name ?? '-'), inert(commandLine(job))].join('\t');
