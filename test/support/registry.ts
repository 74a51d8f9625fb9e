/** A registry that has one image, to everybody. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { manifestOf, type Parts, sha256 } from './archives.ts';

/** A registry on this machine. */
export interface TestRegistry extends Disposable {
  /** What its image is pulled by. */
  readonly reference: string;
}

/** Starts a registry that has an image. */
export const serveImage = async (parts: Parts): Promise<TestRegistry> => {
  const blobs = new Map([parts.config, ...parts.blobs].map((blob) => [sha256(blob), blob]));
  const registry = createServer(({ url = '' }, response) => {
    if (url.includes('/manifests/')) {
      response.setHeader('content-type', 'application/vnd.oci.image.manifest.v1+json');
      response.end(manifestOf(parts));
    } else response.end(blobs.get(url.split('/').at(-1) ?? ''));
  });
  await once(registry.listen(0, '127.0.0.1'), 'listening');
  const { port } = registry.address() as AddressInfo;
  return {
    reference: `127.0.0.1:${port}/team/image:1`,
    [Symbol.dispose]: () => {
      registry.closeAllConnections();
      registry.close();
    },
  };
};
