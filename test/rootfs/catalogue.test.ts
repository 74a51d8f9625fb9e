/** The pinned images. */

import { expect, it } from 'vitest';
import { findArchive } from '../../rootfs/catalogue.ts';

it.each([
  ['x64', 'x86_64'],
  ['arm64', 'aarch64'],
])('pins Alpine for %s by address and checksum', (machine, alpineName) => {
  const archive = findArchive('alpine', machine);
  expect(archive.url).toBe(
    `https://dl-cdn.alpinelinux.org/alpine/v3.20/releases/${alpineName}/alpine-minirootfs-3.20.3-${alpineName}.tar.gz`,
  );
  expect(archive.version).toBe('3.20.3');
  expect(archive.sha512).toMatch(/^[0-9a-f]{128}$/);
});

it('names the machines that have an image when it is asked for another', () => {
  expect(() => findArchive('alpine', 'riscv64')).toThrow(
    'image alpine: expected a machine of type x64 or arm64, got riscv64',
  );
});
