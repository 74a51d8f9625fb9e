/** What an image of many layers costs at the start of a job. */

import { execFileSync } from 'node:child_process';
import { makeParts, ociArchive, tar } from '../../support/archives.ts';
import { PLACES } from '../bench.ts';
import { type Contender, type Figure, medianMs } from '../figure.ts';
import { BenchServer } from '../server.ts';

const JOBS = 20;
const LAYERS = 10;
const FILES = 50;
const NAME = 'layers';

/** Files of one layer above the lowest: in folders of its own, and one that each of them replaces. */
const upper = (index: number): Buffer =>
  tar([
    ...Array.from({ length: FILES }, (_, file) => ({
      path: `opt/${index}/${file}`,
      content: `${index} ${file}\n`,
    })),
    { path: 'etc/layer', content: `${index}\n` },
  ]);

/** The image of all figures with layers above it, as an archive. */
const archive = (image: string): Buffer => {
  const packed = ['-C', image, '--numeric-owner', '--owner=0', '--group=0', '-cf', '-', '.'];
  const lowest = execFileSync('tar', packed, { maxBuffer: 64 << 20 });
  return ociArchive(makeParts([lowest, ...Array.from({ length: LAYERS - 1 }, (_, index) => upper(index))]));
};

const add = async (server: BenchServer, body: Buffer): Promise<void> => {
  const response = await fetch(new URL(`images/${NAME}`, server.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.token}` },
    body: new Uint8Array(body),
  });
  if (!response.ok) throw new Error(await response.text());
};

export const layers: Figure = {
  name: `A job in an image of ${LAYERS} layers`,
  unit: 'ms',
  how: `\`runJob\` with \`true\`, state in memory; the image is Alpine with ${LAYERS - 1} layers above it`,
  less: true,
  base: 'Cloister, Alpine',
  open: async (bench) => {
    const body = archive(bench.image);
    const contenders: Contender[] = [];
    for (const [what, flags] of [
      ['', []],
      [', no prepared cells', ['--prepared-cells', '0']],
    ] as const) {
      const server = await BenchServer.start(PLACES.memory, flags);
      await add(server, body);
      for (const [name, image] of [
        ['Alpine', 'alpine'],
        [`${LAYERS} layers`, NAME],
      ] as const)
        contenders.push({
          name: `Cloister, ${name}${what}`,
          measure: () => medianMs(JOBS, () => server.run({ argv: ['true'], image })),
          // Each server has two contenders.
          ...(image === NAME && { close: () => server.close() }),
        });
    }
    return contenders;
  },
};
