import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type CpioEntry, packCpio } from './cpio.ts';
import { LaneError } from './errors.ts';
import { collectModules } from './modules.ts';
import { dependenciesOf, download, updateLists } from './packages.ts';

/** What QEMU boots. */
export interface Guest {
  readonly kernel: string;
  readonly initramfs: string;
  /** Names both files by their content. */
  readonly id: string;
}

// The generic kernel of Debian, and that of Ubuntu. Debian's kernel for clouds has no 9p.
const METAPACKAGES = ['linux-image-amd64', 'linux-image-generic'];

// What the machine is made of, with parameters. brd makes disks in memory: one for swap, since without it no test could
// show that a cell does not use it, and one for a file system whose traffic can be bounded.
const MODULES: Readonly<Record<string, string>> = {
  virtio_pci: '',
  virtio_console: '',
  '9pnet_virtio': '',
  '9p': '',
  overlay: '',
  crc32c_generic: '',
  ext4: '',
  brd: 'rd_nr=2 rd_size=262144',
};

// ext4 asks for it by name and depends on it in no file; newer kernels have it built in, under another name.
const BUILT_IN_SOMEWHERE = new Set(['crc32c_generic']);

/**
 * Kernel and initramfs of the test machine, out of packages of the distribution: downloaded into the cache folder the
 * first time, and never installed.
 *
 * @throws LaneError when there is no such package, or no way to get it
 */
export const prepareGuest = async (cache: string): Promise<Guest> => {
  // Another list of modules is another guest.
  const list = createHash('sha256').update(Object.keys(MODULES).join()).digest('hex').slice(0, 8);
  const folder = join(cache, `guest-${list}`);
  if (!existsSync(folder)) await fetchGuest(cache, folder);
  for (const name of readdirSync(cache)) {
    if (/^guest(-\w+)?$/.test(name) && !folder.endsWith(name)) rmSync(join(cache, name), { recursive: true });
  }

  const modules = readdirSync(join(folder, 'modules')).sort();
  const entries: CpioEntry[] = [
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map((path) => ({ path, mode: 0o040755 })),
    { path: 'bin/busybox', mode: 0o100755, content: readFileSync(join(folder, 'busybox')) },
    // The kernel executes /init; /bin/sh is not there before that script has made it.
    {
      path: 'init',
      mode: 0o100755,
      content: Buffer.from('#!/bin/busybox sh\nexec /bin/busybox sh /init.sh\n'),
    },
    { path: 'init.sh', mode: 0o100755, content: readFileSync(join(import.meta.dirname, 'init.sh')) },
    { path: 'modules/order', mode: 0o100644, content: Buffer.from(modules.map(orderLine).join('')) },
    ...modules.map((file) => ({
      path: `modules/${file}`,
      mode: 0o100644,
      content: readFileSync(join(folder, 'modules', file)),
    })),
  ];
  const archive = packCpio(entries);
  const kernel = join(folder, 'vmlinuz');
  const id = createHash('sha256').update(archive).update(readFileSync(kernel)).digest('hex').slice(0, 16);
  const initramfs = join(cache, `initramfs-${id}.cpio`);
  if (!existsSync(initramfs)) {
    writeFileSync(`${initramfs}.${process.pid}`, archive);
    renameSync(`${initramfs}.${process.pid}`, initramfs);
    for (const name of readdirSync(cache)) {
      if (/^initramfs-\w+\.cpio$/.test(name) && !initramfs.endsWith(name)) rmSync(join(cache, name));
    }
  }
  return { kernel, initramfs, id };
};

const orderLine = (file: string): string =>
  `${file} ${MODULES[file.replace(/^\d+-/, '').replace(/\.ko$/, '')] ?? ''}\n`;

const fetchGuest = async (cache: string, folder: string): Promise<void> => {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'fetch-'));
  try {
    const packages = await findPackages();
    await download(packages, scratch);
    for (const file of readdirSync(scratch)) {
      if (file.endsWith('.deb')) execFileSync('dpkg', ['-x', join(scratch, file), join(scratch, 'content')]);
    }
    const made = join(scratch, 'guest');
    mkdirSync(join(made, 'modules'), { recursive: true });
    const busybox = join(made, 'busybox');
    copyFileSync(pick(scratch, ['content/bin/busybox', 'content/usr/bin/busybox']), busybox);
    const tree = pick(scratch, ['content/usr/lib/modules', 'content/lib/modules']);
    const [release = ''] = readdirSync(tree);
    copyFileSync(pick(scratch, [`content/boot/vmlinuz-${release}`]), join(made, 'vmlinuz'));
    for (const [index, module] of collectModules(
      join(tree, release),
      Object.keys(MODULES),
      busybox,
      BUILT_IN_SOMEWHERE,
    ).entries()) {
      const number = String(index).padStart(2, '0');
      writeFileSync(join(made, 'modules', `${number}-${module.name}.ko`), module.content);
    }
    try {
      renameSync(made, folder);
    } catch (error) {
      // Another run has been faster.
      if (!existsSync(folder)) throw error;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
};

const findPackages = async (): Promise<string[]> => {
  const image = (await findImage()) ?? (await updateLists().then(findImage));
  if (image === undefined) {
    throw new LaneError(
      `apt-cache finds no kernel (${METAPACKAGES.join(' or ')}). This needs Debian or Ubuntu with lists of packages ` +
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

const findImage = async (): Promise<string | undefined> => {
  for (const name of METAPACKAGES) {
    const image = (await dependenciesOf(name))?.find((other) => /^linux-image-\d/.test(other));
    if (image !== undefined) return image;
  }
  return undefined;
};

const pick = (folder: string, candidates: readonly string[]): string => {
  for (const candidate of candidates) if (existsSync(join(folder, candidate))) return join(folder, candidate);
  throw new LaneError(`The packages of the kernel and BusyBox hold no ${candidates.join(' or ')}`);
};
