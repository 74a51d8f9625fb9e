// Kernel and initramfs of the test machine in QEMU.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { packCpio } from './cpio.ts';
import { LaneError } from './errors.ts';
import type { ModuleSet } from './modules.ts';
import { dependenciesOf, download, updateLists } from './packages.ts';
import { fetchParts, firstRoot, pick, removeOthers } from './parts.ts';

/** What QEMU boots. */
export interface Guest {
  readonly kernel: string;
  readonly initramfs: string;
  /** Names both files by their content. */
  readonly id: string;
}

// The generic kernel of Debian, and that of Ubuntu. Debian's kernel for clouds has no 9p.
const METAPACKAGES = ['linux-image-amd64', 'linux-image-generic'];

// What the machine is made of. brd makes disks in memory: one for swap, since without it no test could show that a cell
// does not use it, and one for a file system whose traffic can be bounded.
const MODULES: ModuleSet = {
  virtio_pci: {},
  virtio_console: {},
  '9pnet_virtio': {},
  '9p': {},
  overlay: {},
  // ext4 asks for it by name and depends on it in no file; newer kernels have it built in, under another name.
  crc32c_generic: { optional: true },
  ext4: {},
  brd: { parameters: 'rd_nr=2 rd_size=262144' },
};

/**
 * Kernel and initramfs of the test machine, out of packages of the distribution: downloaded into the cache folder the
 * first time, and never installed.
 *
 * @throws LaneError when there is no such package, or no way to get it
 */
export const prepareGuest = async (cache: string): Promise<Guest> => {
  // Another list of modules is another guest; the number changes with what the folder holds.
  const list = createHash('sha256')
    .update(`2 ${JSON.stringify(MODULES)}`)
    .digest('hex')
    .slice(0, 8);
  const folder = join(cache, `guest-${list}`);
  const guest = await packGuest(folder, {
    metapackages: METAPACKAGES,
    download,
    dependenciesOf,
    updateLists,
  });
  removeOthers(cache, /^guest(-\w+)?$/, folder);
  return guest;
};

/** Where the packages come from. */
interface Source {
  /** Of the kernel; the first that there is. */
  readonly metapackages: readonly string[];
  readonly download: (names: readonly string[], folder: string) => Promise<void>;
  readonly dependenciesOf: (name: string) => Promise<string[] | undefined>;
  readonly updateLists?: () => Promise<void>;
}

/**
 * Kernel and initramfs in a folder, where they are found the next time.
 *
 * @throws LaneError when there is no such package, or no way to get it
 */
export const packGuest = async (folder: string, source: Source): Promise<Guest> => {
  await fetchParts(
    dirname(folder),
    folder,
    () => findPackages(source),
    (content) => {
      const tree = pick(content, ['usr/lib/modules', 'lib/modules']);
      const [release = ''] = readdirSync(tree);
      return {
        content,
        busybox: ['bin/busybox', 'usr/bin/busybox'],
        kernel: [`boot/vmlinuz-${release}`],
        modules: { folder: join(tree, release), wanted: MODULES },
      };
    },
    source.download,
  );
  const archive = packCpio(firstRoot(folder, MODULES));
  const kernel = join(folder, 'kernel');
  const id = createHash('sha256').update(archive).update(readFileSync(kernel)).digest('hex').slice(0, 16);
  const initramfs = `${folder}-initramfs-${id}.cpio`;
  if (!existsSync(initramfs)) {
    writeFileSync(`${initramfs}.${process.pid}`, archive);
    renameSync(`${initramfs}.${process.pid}`, initramfs);
    removeOthers(dirname(folder), new RegExp(`^${basename(folder)}-initramfs-\\w+\\.cpio$`), initramfs);
  }
  return { kernel, initramfs, id };
};

const findPackages = async (source: Source): Promise<string[]> => {
  const { metapackages, dependenciesOf } = source;
  const findImage = async (): Promise<string | undefined> => {
    for (const name of metapackages) {
      const image = (await dependenciesOf(name))?.find((other) => /^linux-image-\d/.test(other));
      if (image !== undefined) return image;
    }
    return undefined;
  };
  const image = (await findImage()) ?? (await source.updateLists?.().then(findImage));
  if (image === undefined) {
    throw new LaneError(
      `apt-cache finds no kernel (${metapackages.join(' or ')}). This needs Debian or Ubuntu with lists of packages ` +
        '(as root: apt-get update), or a machine that has cgroup v2 itself.',
    );
  }
  // Ubuntu has the modules in packages of their own.
  const modules = image.replace('linux-image-', 'linux-modules-');
  const extra = image.replace('linux-image-', 'linux-modules-extra-');
  const packages = [image];
  for (const name of [modules, extra]) if ((await dependenciesOf(name)) !== undefined) packages.push(name);
  return [...packages, 'busybox-static'];
};
