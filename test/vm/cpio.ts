/** An entry of an archive: a folder has no content. */
export interface CpioEntry {
  readonly path: string;
  /** Type and permissions, as in `st_mode`. */
  readonly mode: number;
  readonly content?: Buffer;
}

const ALIGNMENT = 4;

/**
 * Packs entries into an archive that the kernel unpacks as initramfs: the format "newc" of the kernel document
 * "initramfs buffer format" (Documentation/driver-api/early-userspace/buffer-format.rst). Owners and times are 0, so
 * that the same entries give the same bytes.
 */
export const packCpio = (entries: readonly CpioEntry[]): Buffer => {
  const parts: Buffer[] = [];
  const last: CpioEntry = { path: 'TRAILER!!!', mode: 0 };
  for (const [index, entry] of [...entries, last].entries()) {
    const content = entry.content ?? Buffer.alloc(0);
    parts.push(...padded(header(index + 1, entry, content.length)), ...padded(content));
  }
  return Buffer.concat(parts);
};

const header = (inode: number, { path, mode }: CpioEntry, size: number): Buffer => {
  const name = Buffer.from(`${path}\0`);
  const [uid, gid, links, time, major, minor, deviceMajor, deviceMinor, check] = [0, 0, 1, 0, 0, 0, 0, 0, 0];
  const fields = [inode, mode, uid, gid, links, time, size, major, minor, deviceMajor, deviceMinor];
  const digits = [...fields, name.length, check].map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([Buffer.from(`070701${digits}`), name]);
};

const padded = (bytes: Buffer): Buffer[] => [bytes, Buffer.alloc(-bytes.length & (ALIGNMENT - 1))];
