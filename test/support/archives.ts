/** Archives of images, made by hand, so that they can be malformed in any way. */

import { createHash } from 'node:crypto';

/** An entry of a tar archive. */
export interface Entry {
  readonly path: string;
  /** As in a header; default a file. */
  readonly type?: '0' | '1' | '2' | '3' | '5' | '6' | 'x' | 'L';
  readonly content?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Records of an extended header (pax(1)), such as an extended attribute: `SCHILY.xattr.user.note`. */
  readonly pax?: Readonly<Record<string, string>>;
}

const BLOCK = 512;

const header = (
  { path, type = '0', link = '', mode = 0o755, uid = 0, gid = 0 }: Entry,
  size: number,
): Buffer => {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  };
  block.write(path.slice(0, 100), 0, 'utf8');
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(size, 124, 12);
  octal(1_000_000_000, 136, 12);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(link.slice(0, 100), 157, 'utf8');
  block.write('ustar\u000000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
};

const padded = (content: Buffer): Buffer =>
  Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);

const paxRecord = (key: string, value: string): string => {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
};

const encode = (entry: Entry): Buffer => {
  const content = Buffer.from(entry.content ?? '');
  const long = [
    ...(Buffer.byteLength(entry.path) > 100 ? [paxRecord('path', entry.path)] : []),
    ...(Buffer.byteLength(entry.link ?? '') > 100 ? [paxRecord('linkpath', entry.link ?? '')] : []),
    ...Object.entries(entry.pax ?? {}).map(([key, value]) => paxRecord(key, value)),
  ].join('');
  const own = [header(entry, content.length), padded(content)];
  if (long === '') return Buffer.concat(own);
  const pax = Buffer.from(long);
  return Buffer.concat([header({ path: 'pax', type: 'x' }, pax.length), padded(pax), ...own]);
};

/** A tar archive of these entries. */
export const tar = (entries: readonly Entry[]): Buffer =>
  Buffer.concat([...entries.map(encode), Buffer.alloc(2 * BLOCK)]);

/** The digest of bytes, as images have them. */
export const sha256 = (bytes: Buffer | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** An image, as its parts. */
export interface Parts {
  readonly config: Buffer;
  /** As they are stored, perhaps compressed. */
  readonly blobs: readonly Buffer[];
}

/** @param layers tar archives, from the lowest; `compress` makes the blobs of them */
export const makeParts = (
  layers: readonly Buffer[],
  settings: object = {},
  compress: (layer: Buffer) => Buffer = (layer) => layer,
): Parts => ({
  config: Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: settings,
      rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
    }),
  ),
  blobs: layers.map(compress),
});

/** What `docker save` wrote before it wrote OCI layouts. */
export const dockerArchive = ({ config, blobs }: Parts): Buffer => {
  const id = sha256(config).slice(7);
  const names = blobs.map((_, index) => `${String(index).repeat(64).slice(0, 64)}/layer.tar`);
  const manifest = [{ Config: `${id}.json`, RepoTags: ['test:1'], Layers: names }];
  return tar([
    { path: `${id}.json`, content: config },
    ...blobs.map((content, index) => ({ path: names[index] ?? '', content })),
    { path: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
};

const descriptor = (content: Buffer, mediaType: string) => ({
  mediaType,
  digest: sha256(content),
  size: content.length,
});

const compressionOf = (blob: Buffer): string => {
  if (blob.readUInt16BE(0) === 0x1f8b) return '+gzip';
  return blob.readUInt32LE(0) === 0xfd2fb528 ? '+zstd' : '';
};

/** The manifest of an image. */
export const manifestOf = ({ config, blobs }: Parts): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: blobs.map((blob) =>
        descriptor(blob, `application/vnd.oci.image.layer.v1.tar${compressionOf(blob)}`),
      ),
    }),
  );

/** An OCI layout. */
export const ociArchive = (parts: Parts): Buffer => {
  const manifest = manifestOf(parts);
  const index = {
    schemaVersion: 2,
    manifests: [descriptor(manifest, 'application/vnd.oci.image.manifest.v1+json')],
  };
  return tar([
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify(index) },
    ...[manifest, parts.config, ...parts.blobs].map((content) => ({
      path: `blobs/sha256/${sha256(content).slice(7)}`,
      content,
    })),
  ]);
};
