// User Mode Linux as the test machine: a kernel that is an ordinary program, started in a second, without any
// virtualisation by the processor.
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CpioEntry } from './cpio.ts';
import { LaneError } from './errors.ts';
import { CONSOLE, CONTROL, type Launch, STDERR, STDOUT } from './machine.ts';
import type { ModuleSet } from './modules.ts';
import { fetchParts, firstRoot, removeOthers } from './parts.ts';

/** What User Mode Linux boots. */
export interface UmlGuest {
  readonly kernel: string;
  /** The folder that is the first root, read-only. */
  readonly root: string;
}

/** Names a kernel that has all it needs built in, in place of Debian's package. */
const KERNEL_VARIABLE = 'CLOISTER_UML_KERNEL';
const PACKAGE = 'user-mode-linux';

const MODULES: ModuleSet = {
  overlay: {},
  ext4: {},
  brd: { parameters: 'rd_nr=2 rd_size=262144' },
};

/**
 * The kernel that CLOISTER_UML_KERNEL names, else that of Debian's package, downloaded into the cache folder the first
 * time and never installed; and its first root.
 *
 * @throws LaneError when there is neither
 */
export const prepareUml = async (cache: string): Promise<UmlGuest> => {
  const named = process.env[KERNEL_VARIABLE] || undefined;
  if (named !== undefined) checkKernel(named);
  const folder = join(cache, named === undefined ? 'uml-packaged' : 'uml-named');
  await fetchParts(
    cache,
    folder,
    async () => (named === undefined ? [PACKAGE, 'busybox-static'] : ['busybox-static']),
    (content) => {
      const busybox = ['bin/busybox', 'usr/bin/busybox'];
      if (named !== undefined) return { content, busybox };
      const tree = join(content, 'usr/lib/uml/modules');
      const [release = ''] = readdirSync(tree);
      return {
        content,
        busybox,
        kernel: ['usr/bin/linux.uml'],
        modules: { folder: join(tree, release), wanted: MODULES },
      };
    },
  );
  const entries = firstRoot(folder, MODULES);
  const hash = createHash('sha256');
  for (const { path, content = '' } of entries) hash.update(`${path}\0`).update(content);
  const root = join(cache, `uml-root-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(root)) {
    writeEntries(entries, `${root}.${process.pid}`);
    renameSync(`${root}.${process.pid}`, root);
    removeOthers(cache, /^uml-root-\w+$/, root);
  }
  return { kernel: named ?? join(folder, 'kernel'), root };
};

const checkKernel = (path: string): void => {
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LaneError(
      `${KERNEL_VARIABLE}: expected a User Mode Linux kernel that can be executed, got ${path} (${reason})`,
    );
  }
};

const writeEntries = (entries: readonly CpioEntry[], folder: string): void => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { path, mode, content } of entries) {
    if (content === undefined) mkdirSync(join(folder, path));
    else writeFileSync(join(folder, path), content, { mode: mode & 0o777 });
  }
};

/**
 * @param cpu of the host, that all of the machine runs on: between threads on one CPU a system call costs a quarter of
 *   what it costs where they wake each other across CPUs
 * @param memoryMib of the machine; only what it touches is taken from the host
 * @param folder takes the machine's control socket and pid file
 */
export const uml = (guest: UmlGuest, cpu: number, memoryMib: number, folder: string): Launch => {
  const line = (index: number, fd: number): string => `ssl${index}=fd:${fd}`;
  return {
    program: 'taskset',
    parameters: [
      ...['-c', String(cpu), guest.kernel],
      ...[`mem=${memoryMib}M`, 'ncpus=2', 'seccomp=auto', `uml_dir=${folder}/`, 'umid=machine'],
      ...[
        'root=/dev/root',
        'rootfstype=hostfs',
        `rootflags=${guest.root}`,
        'ro',
        'init=/init',
        'machine=uml',
      ],
      // Quiet is what it would say on standard error before there is a console.
      ...['quiet', 'loglevel=7', 'panic=-1', 'oops=panic', 'random.trust_cpu=on'],
      ...['con=null', `con0=null,fd:${CONSOLE}`, 'ssl=null'],
      ...[line(0, CONTROL), line(1, STDOUT), line(2, STDERR)],
    ],
  };
};
