/** The body of an upload, which may take any time as long as it arrives. */

import type { IncomingMessage } from 'node:http';
import { ClientError } from '../jobs/errors.ts';
import { BrokenUpload } from '../jobs/uploads.ts';

/**
 * The body of a request.
 *
 * @param silenceMs milliseconds in which something has to arrive
 * @throws BrokenUpload when nothing arrives for a time, and when it is cut off
 */
export async function* arriving(request: IncomingMessage, silenceMs: number): AsyncGenerator<Uint8Array> {
  const silent = (): void => {
    request.destroy(new BrokenUpload(`nothing arrived for ${silenceMs / 1000} s`));
  };
  let timer = setTimeout(silent, silenceMs);
  try {
    // A refusal is sent as a response, for which the connection has to stay open.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      clearTimeout(timer);
      yield chunk as Uint8Array;
      timer = setTimeout(silent, silenceMs);
    }
  } catch (error) {
    throw error instanceof ClientError ? error : new BrokenUpload('the upload was cut off', { cause: error });
  } finally {
    clearTimeout(timer);
  }
  if (!request.complete) throw new BrokenUpload('the upload was cut off');
}
