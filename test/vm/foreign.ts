// The test machine of another processor: everything in it is of that processor, so that it has a root of its own.
import { execFile, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findArchive } from '../../rootfs/catalogue.ts';
import { prepareImage } from '../../rootfs/image.ts';
import { ownersFrom } from '../../rootfs/tree.ts';
import { ID_BASE } from '../support/image.ts';
import { LaneError, say } from './errors.ts';
import { type Guest, packGuest } from './guest.ts';

const run = promisify(execFile);
const PROJECT = join(import.meta.dirname, '..', '..');

/** Processors other than that of this machine, with their names in Debian, npm, Node.js and QEMU. */
const PROCESSORS = {
  aarch64: {
    debian: 'arm64',
    npm: 'arm64',
    node: 'arm64',
    machine: ['-machine', 'virt', '-cpu', 'max,pauth-impdef=on'],
    console: 'ttyAMA0',
    package: 'qemu-system-arm',
  },
} as const;
export type Processor = keyof typeof PROCESSORS;
export const PROCESSOR_NAMES = Object.keys(PROCESSORS) as readonly Processor[];

/** What runs there without a choice, since emulation is slow: limits in force, what a job sees, what is refused. */
export const SMOKE: readonly string[] = [
  'test/limits/limits.test.ts',
  'test/limits/environment.test.ts',
  'test/limits/refusals.test.ts',
];

/** A machine of another processor. */
export interface Foreign extends Guest {
  readonly program: string;
  readonly package: string;
  readonly machine: readonly string[];
  readonly console: string;
  /** The folder that has its root in `root`, and in `over` what replaces files of the project. */
  readonly folder: string;
  /** Node.js, as it is there. */
  readonly node: string;
}

// What tests start there. The rest of a Debian is not needed.
const PACKAGES =
  'dash bash coreutils util-linux mount findutils grep sed mawk tar gzip e2fsprogs libstdc++6 uidmap procps busybox-static';
const NODE = '.tools/node/node_modules/.bin/node';

/**
 * Brings kernel, root, Node.js, npm packages, launcher and image of another processor: from the registries of Debian
 * and npm into the cache folder, the first time, and never installed.
 *
 * @throws LaneError where something is not available
 */
export const prepareForeign = async (name: Processor, cache: string): Promise<Foreign> => {
  const processor = PROCESSORS[name];
  const folder = join(cache, name);
  const apt = await aptOf(processor.debian, join(folder, 'apt'));
  const { kernel, initramfs, id } = await packGuest(join(folder, 'guest'), {
    metapackages: [`linux-image-${processor.debian}`],
    ...apt,
  });
  await made(join(folder, 'root'), (path) => makeRoot(path, apt));
  const over = join(folder, 'over');
  const lock = join(PROJECT, 'package-lock.json');
  await made(join(over, 'node_modules'), (path) => makeModules(path, processor.npm, lock));
  await made(join(over, NODE), (path) => makeNode(path, processor.npm));
  execFileSync('make', ['--silent', `build/cell-${name}`, `ARCH=${name}`], {
    cwd: PROJECT,
    stdio: 'inherit',
  });
  mkdirSync(join(over, 'build'), { recursive: true });
  copyFileSync(join(PROJECT, 'build', `cell-${name}`), join(over, 'build', 'cell'));
  await prepareImage(findArchive('alpine', processor.node), {
    name: 'alpine',
    imagesDir: join(over, '.cache', 'images'),
    mirror: process.env['CLOISTER_IMAGE_MIRROR'],
    owners: ownersFrom(ID_BASE),
    log: say,
  });
  return {
    ...{ kernel, initramfs, id, folder },
    program: `qemu-system-${name}`,
    package: processor.package,
    machine: processor.machine,
    console: processor.console,
    node: join(PROJECT, NODE),
  };
};

/** Where packages of another processor come from. */
export interface Apt {
  /** Puts packages as files into a folder; `all`: with what they depend on. */
  readonly download: (names: readonly string[], folder: string, all?: boolean) => Promise<void>;
  readonly dependenciesOf: (name: string) => Promise<string[] | undefined>;
}

/** apt with lists of its own, which knows nothing of what is installed here. */
const aptOf = async (architecture: string, folder: string): Promise<Apt> => {
  for (const name of ['lists/partial', 'archives/partial', 'state'])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
  const settings = join(folder, 'apt.conf');
  writeFileSync(
    settings,
    `APT::Architecture "${architecture}"; APT::Architectures { "${architecture}"; };
Dir::State "${folder}/state"; Dir::State::Lists "${folder}/lists"; Dir::State::status "${folder}/status";
Dir::Cache "${folder}"; Dir::Cache::archives "${folder}/archives"; APT::Sandbox::User "root";
`,
  );
  const env = { ...process.env, APT_CONFIG: settings, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = async (parameters: readonly string[], cwd = '/'): Promise<void> => {
    await run('apt-get', ['-qq', ...parameters], { cwd, env }).catch((error: Error) => {
      throw new LaneError(`Cannot get packages for ${architecture}: ${error.message}`);
    });
  };
  if (readdirSync(join(folder, 'lists')).length <= 1) {
    say(`updating the lists of packages for ${architecture}`);
    await apt(['update']);
  }
  return {
    download: async (names, target, all = false) => {
      say(`downloading for ${architecture}: ${names.join(', ')}`);
      if (!all) return apt(['download', ...names], target);
      await apt(['install', '--yes', '--download-only', '--no-install-recommends', ...names]);
      for (const file of readdirSync(join(folder, 'archives')))
        if (file.endsWith('.deb')) copyFileSync(join(folder, 'archives', file), join(target, file));
    },
    dependenciesOf: async (name) => {
      const shown = await run('apt-cache', ['show', '--no-all-versions', name], { env }).catch(
        () => undefined,
      );
      const line = /^Depends: (.*)$/m.exec(shown?.stdout ?? '')?.[1];
      return line?.split(/,\s*/).map((dependency) => dependency.replace(/[ :(|].*/s, ''));
    },
  };
};

/** Makes something where it is not there, under another name until it is whole. */
const made = async (path: string, make: (path: string) => Promise<void>): Promise<void> => {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const scratch = mkdtempSync(join(dirname(path), '.new-'));
  try {
    await make(join(scratch, 'made'));
    renameSync(join(scratch, 'made'), path);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

const makeRoot = async (root: string, apt: Apt): Promise<void> => {
  const packages = mkdtempSync(join(dirname(root), 'packages-'));
  await apt.download(PACKAGES.split(' '), packages, true);
  mkdirSync(root);
  for (const file of readdirSync(packages)) await run('dpkg', ['-x', join(packages, file), root]);
  // What the scripts of the packages make, which do not run here.
  for (const folder of ['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'etc'])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  for (const [target, path] of [
    ['dash', 'bin/sh'],
    ['mawk', 'usr/bin/awk'],
  ] as const)
    if (!existsSync(join(root, path))) symlinkSync(target, join(root, path));
};

const makeModules = async (modules: string, cpu: string, lock: string): Promise<void> => {
  const folder = dirname(modules);
  for (const file of [lock, join(PROJECT, 'package.json'), join(PROJECT, '.npmrc')])
    copyFileSync(file, join(folder, file.slice(PROJECT.length + 1)));
  say(`installing the npm packages for ${cpu}`);
  await npm(['ci', `--cpu=${cpu}`, '--os=linux', '--libc=glibc'], folder);
  renameSync(join(folder, 'node_modules'), modules);
};

const makeNode = async (path: string, cpu: string): Promise<void> => {
  const folder = dirname(path);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const name = `node-linux-${cpu}`;
  say(`downloading Node.js for ${cpu}`);
  await npm(['install', '--force', `${name}@${process.versions.node}`], folder);
  renameSync(join(folder, 'node_modules', name, 'bin', 'node'), path);
};

const npm = async (parameters: readonly string[], cwd: string): Promise<void> => {
  await run('npm', [...parameters, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd }).catch(
    (error: Error) => {
      throw new LaneError(`Cannot get npm packages: ${error.message}`);
    },
  );
};
