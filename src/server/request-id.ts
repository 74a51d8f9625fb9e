/** The id of a request, under which the log, the client and what is between them know it. */

import { randomUUID } from 'node:crypto';

/** The header in which a client or a proxy may give it, and in which it is answered. */
export const REQUEST_ID = 'x-request-id';

/** What a client gave, if it can stand in a log as it is; otherwise a new one. */
export const requestIdOf = (given: string | readonly string[] | undefined): string =>
  typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
