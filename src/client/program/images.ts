/** The commands that manage the images of a server. */

import type { Flags } from '../../config/config.ts';
import { FORMAT_HELP, type ListFlags } from '../row-format.ts';
import { type Add, config, JOB } from './add.ts';

type JsonFlags = Flags & { readonly json?: boolean };

/** @param add adds a command below `cloister image` */
export const addImages = (add: Add): void => {
  add('import', 'add an image from an archive or folder; prints its digest', [
    'image import gcc.tar',
    'image import --name debian ./rootfs.tar.gz',
    'docker save python:3 | cloister image import --name python -',
  ])
    .argument(
      '<file>',
      'OCI layout, output of "docker save", or root file system: a folder, or a tar (.gz, .zst); - is stdin',
    )
    .option('--name <name>', 'name of the image; default that of the file')
    .option('--json', 'print the image as JSON')
    .action(async (file: string, flags: JsonFlags & { name?: string }) => {
      const { importImage } = await import('../commands/image.ts');
      await importImage(config(flags), file, flags);
    });

  add('pull', 'add an image from a registry; prints its digest', [
    'image pull alpine:3.20',
    'image pull --name app registry.example/team/app:1.2',
  ])
    .argument('<reference>', '[REGISTRY/]REPOSITORY[:TAG|@DIGEST]')
    .option('--name <name>', 'name of the image; default the reference')
    .option('--json', 'print the image as JSON')
    .action(async (reference: string, flags: JsonFlags & { name?: string }) => {
      const { pullImage } = await import('../commands/image.ts');
      await pullImage(config(flags), reference, flags);
    });

  add('save', 'make an image of the root of a job that is paused, or had --keep-root; prints its digest', [
    'image save @last with-tools',
  ])
    .argument('<job>', JOB)
    .argument('<name>', 'name of the image')
    .option('--json', 'print the image as JSON')
    .action(async (job: string, name: string, flags: JsonFlags) => {
      const { saveImage } = await import('../commands/image.ts');
      await saveImage(config(flags), job, name, flags);
    });

  add('list', 'list the images that jobs can start from', [
    'image list',
    'image list --json | jq -r .[].name',
  ])
    .option('--json', 'print the images as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (flags: Flags & ListFlags) => {
      const { listImages } = await import('../commands/image.ts');
      await listImages(config(flags), flags);
    });

  add('inspect', 'print everything about an image, as JSON', ['image inspect python'])
    .argument('<name>', 'name of the image')
    .action(async (name: string, flags: Flags) => {
      const { inspectImage } = await import('../commands/image.ts');
      await inspectImage(config(flags), name);
    });

  add('rm', 'delete images that no job uses; prints their names', ['image rm python gcc'])
    .argument('<names...>', 'names of the images')
    .action(async (names: string[], flags: Flags) => {
      const { removeImages } = await import('../commands/image.ts');
      await removeImages(config(flags), names);
    });

  add('prune', 'delete all images that no job uses, except those that come with the server', [
    'image prune --force',
  ])
    .option('-f, --force', 'do it')
    .action(async (flags: Flags & { force?: boolean }) => {
      const { pruneImages } = await import('../commands/image.ts');
      await pruneImages(config(flags), flags);
    });
};
