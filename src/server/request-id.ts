/** The id of a request, shared by the log, the client, and the proxies between them. */

import { randomUUID } from 'node:crypto';

/** The header in which a client or a proxy may give it, and in which it is answered. */
export const REQUEST_ID = 'x-request-id';

/** The id that the client sent if it is safe to log unchanged; otherwise a new one. */
export const requestIdOf = (given: string | readonly string[] | undefined): string =>
  typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
