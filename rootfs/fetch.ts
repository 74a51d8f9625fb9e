/** The program `node rootfs/fetch.ts`: unpacks the images before the first start of a server. */

import { parseArgs } from 'node:util';
import { prepareImages } from '../src/cells/images.ts';
import { ConfigError, type Flags, parseServeConfig, type ServeConfig } from '../src/config/config.ts';
import { findCellIds, IdsError } from '../src/runtime/ids/index.ts';
import { ImageError } from './errors.ts';

const USAGE = `Usage: node rootfs/fetch.ts [--state-dir FOLDER] [--id-base ID] [--image-mirror URL]

Unpacks the images into the state folder, unless they are there, as the server does when it starts.
The flags and their environment variables are those of "cloister serve".`;

/** Unpacks the images before the first start of the server, for `make`. Returns the exit status. */
const main = async (args: string[]): Promise<number> => {
  const config = readConfig(args);
  if (config === undefined) return 2;
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new ImageError(`interrupted by ${signal}`)));
  }
  try {
    const ids = await findCellIds(config);
    await prepareImages(config, ids, { log: (line) => console.error(line), signal: interrupted.signal });
    return 0;
  } catch (error) {
    if (!(error instanceof ImageError || error instanceof IdsError)) throw error;
    console.error(error.message);
    return 1;
  }
};

const readConfig = (args: string[]): ServeConfig | undefined => {
  try {
    return parseServeConfig(readFlags(args), process.env);
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof TypeError)) throw error;
    console.error(error instanceof TypeError ? `${error.message}\n${USAGE}` : error.message);
    return undefined;
  }
};

const readFlags = (args: string[]): Flags => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: { 'state-dir': text, 'id-base': text, 'image-mirror': text },
  });
  return {
    stateDir: values['state-dir'],
    idBase: values['id-base'],
    imageMirror: values['image-mirror'],
  };
};

process.exitCode = await main(process.argv.slice(2));
