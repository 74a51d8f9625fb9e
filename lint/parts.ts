/** The parts of the program, and which may import which: the only place where that is written down. */

export interface Part {
  /** What it is, for the table of docs/architecture.md. */
  readonly what: string;
  /** The files: folders end in a slash. Of two parts that fit, the one whose path is longer has the file. */
  readonly files: readonly string[];
  /** Parts that it may import besides itself: those that it does import. */
  readonly imports: readonly string[];
}

/** Every part of the program, from the top. What is not listed here is an error. */
export const PARTS: Readonly<Record<string, Part>> = {
  commands: {
    what: 'the commands of the executable: wiring only',
    files: ['src/main.ts', 'src/serve.ts', 'src/image.ts', 'src/certs.ts'],
    imports: [
      'server',
      'resolvers',
      'access',
      'jobs',
      'store',
      'cells',
      'telemetry',
      'runtime',
      'rootfs',
      'certs',
      'receipts',
      'client',
      'config',
      'state',
      'basics',
    ],
  },
  client: {
    what: 'the command line, over the API',
    files: ['src/client/'],
    imports: ['clientApi', 'receipts', 'config', 'state', 'basics'],
  },
  clientApi: {
    what: 'the module `cloister/client`: runs in browsers, so that it imports nothing',
    files: ['src/client-api/'],
    imports: [],
  },
  server: {
    what: 'HTTP, SSE and WebSocket',
    files: ['src/server/'],
    imports: ['resolvers', 'access', 'jobs', 'async', 'basics'],
  },
  resolvers: {
    what: 'GraphQL on the job service',
    files: ['src/resolvers/'],
    imports: ['access', 'jobs', 'receipts', 'model', 'async', 'basics'],
  },
  access: {
    what: 'who a caller is, and what it may do: tokens, roles, and `jobs/service.ts` once more, around the job service',
    files: ['src/access/'],
    imports: ['jobs', 'receipts', 'model', 'async', 'basics'],
  },
  certs: {
    what: 'a certificate authority in a folder',
    files: ['src/certs/'],
    imports: ['basics'],
  },
  receipts: {
    what: 'signed statements about jobs: how they look, are signed and verified; the command line verifies with it too',
    files: ['src/receipts/'],
    imports: [],
  },
  images: {
    what: 'archives and registries of images: reads them, and unpacks nothing',
    files: ['src/images/'],
    imports: ['jobs'],
  },
  cells: {
    what: 'this machine: implements `jobs/cells.ts`',
    files: ['src/cells/'],
    imports: ['jobs', 'images', 'runtime', 'model', 'rootfs', 'config', 'state', 'async', 'basics'],
  },
  store: {
    what: 'SQLite: implements `jobs/store.ts`',
    files: ['src/store/'],
    imports: ['access', 'jobs', 'basics'],
  },
  telemetry: {
    what: 'what an operator sees of a running server: its log, metrics',
    files: ['src/telemetry/'],
    imports: ['basics'],
  },
  jobs: {
    what: 'the policy: what a job is, the state machine, the interfaces of a store and of cells',
    files: ['src/jobs/'],
    imports: ['receipts', 'model', 'async', 'basics'],
  },
  runtime: {
    what: 'the mechanism: the counterpart of the launcher, cgroups, ids, logs, the doctor; knows nothing of jobs',
    files: ['src/runtime/'],
    imports: ['model', 'async', 'state', 'basics', 'rootfs'],
  },
  model: {
    what: 'what of the runtime only names and computes, and touches no machine',
    files: [
      'src/runtime/cgroup/cpu-list.ts',
      'src/runtime/log/cursor.ts',
      'src/runtime/log/page.ts',
      'src/runtime/log/pattern.ts',
      'src/runtime/log/frame.ts',
      'src/runtime/log/utf8.ts',
      'src/runtime/capabilities.ts',
      'src/runtime/cell-file.ts',
      'src/runtime/protocol/fields.ts',
      'src/runtime/protocol/id-map.ts',
      'src/runtime/protocol/isolation.ts',
    ],
    imports: [],
  },
  config: { what: 'settings', files: ['src/config/'], imports: ['basics'] },
  state: {
    what: 'the state folder: names, lock, token',
    files: ['src/state/'],
    imports: ['receipts', 'basics'],
  },
  async: { what: 'iterators, fairness', files: ['src/async/'], imports: [] },
  rootfs: { what: 'unpacks images; also a program of its own', files: ['rootfs/'], imports: [] },
  basics: {
    what: 'units, names and numbers that everybody shares',
    files: [
      'src/units.ts',
      'src/byte-text.ts',
      'src/errno.ts',
      'src/log.ts',
      'src/signals.ts',
      'src/version.ts',
      'src/job-status.ts',
      'src/cleanup.ts',
    ],
    imports: [],
  },
};

/** The part that has a file, by the longest path that fits; `undefined`: none. */
export const partOf = (file: string): string | undefined => {
  const fits = Object.entries(PARTS).flatMap(([part, { files }]) =>
    files
      .filter((path) => (path.endsWith('/') ? file.startsWith(path) : file === path))
      .map((path) => ({ part, length: path.length })),
  );
  return fits.toSorted((one, other) => other.length - one.length)[0]?.part;
};

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' ');

/** The table of docs/architecture.md. */
export const partsTable = (): string =>
  [
    '| part | is | files | imports |',
    '| --- | --- | --- | --- |',
    ...Object.entries(PARTS).map(([part, { what, files, imports }]) =>
      ['', `\`${part}\``, what, code(files), imports.length === 0 ? '-' : imports.join(' '), '']
        .join(' | ')
        .trim(),
    ),
  ].join('\n');
