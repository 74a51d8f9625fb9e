/** The command `cloister events`. */

import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { commandLine } from '../format.ts';
import {
  FollowEventsDocument,
  type FollowEventsSubscription,
  NewestEventDocument,
} from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { type FilterFlags, jobFilter } from '../job-filter.ts';
import { print } from '../output.ts';
import { reconnecting } from '../reconnect.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags } from '../row-format.ts';
import { subscribe } from '../subscribe.ts';

/** `cloister events`: a line for each state change of a job until interrupted; each once, even if connections break. */
export const events = async (
  config: ClientConfig,
  flags: FilterFlags & ListFlags & { readonly after?: string },
): Promise<void> => {
  const format = formatOf(flags);
  const filter = jobFilter(flags);
  const connection = await connect(config);
  // A connection that is lost before the first event restarts at the same place.
  let after = flags.after ?? (await newestEvent(connection));
  const changes = reconnecting(connection, () =>
    subscribe(connection, FollowEventsDocument, { after, filter }),
  );
  for await (const { jobEvents } of changes) {
    after = jobEvents.cursor;
    const line = format ?? (flags.json ? JSON.stringify : eventLine);
    await print(line(jobEvents));
  }
};

/** The cursor of the latest event: further events come after it. */
export const newestEvent = async (connection: Connection): Promise<string> =>
  (await request(connection, NewestEventDocument, {})).server.eventCursor;

const eventLine = ({ time, status, job }: FollowEventsSubscription['jobEvents']): string =>
  [time, job.id, status, inert(job.name ?? '-'), inert(commandLine(job))].join('\t');
