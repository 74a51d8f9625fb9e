/** The program that runs in the user namespace: see `inside.ts`. */

import { ImageError } from './errors.ts';
import { ensureImage } from './image.ts';
import type { InsideRequest } from './inside.ts';

// Progress goes to stderr, the reason for a failure to stdout.
const main = async (request: InsideRequest): Promise<number> => {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new ImageError(`interrupted by ${signal}`)));
  }
  try {
    await ensureImage({ ...request, log: (line) => console.error(line), signal: interrupted.signal });
    return 0;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    console.log(error.message);
    return 1;
  }
};

process.exitCode = await main(JSON.parse(process.argv[2] ?? '{}'));
