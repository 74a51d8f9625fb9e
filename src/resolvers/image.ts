/** The type Image, and the query images. */
import type { Image, SkippedEntries } from '../jobs/image.ts';
import { builder, identify } from './builder.ts';
import { EnvVarType } from './env-var.ts';

const SkippedType = builder.objectRef<SkippedEntries>('SkippedEntries').implement({
  description: 'Entries of archives that were left out.',
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'How many there are.' }),
    paths: t.stringList({
      description: 'Their paths in a cell; at most 20 of them.',
      resolve: ({ paths }) => [...paths],
    }),
  }),
});

export const ImageType = builder.objectRef<Image>('Image').implement({
  description: 'An image: the files and the settings that jobs start from. It does not change.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name that `image` of a submission takes.' }),
    digest: t.exposeString('digest', {
      description:
        'Identifies the content of the image: the digest of the manifest for an image from a registry or an OCI archive, of the configuration for other archives, and of the archive itself for an image that comes with the server.',
    }),
    size: t.expose('sizeBytes', {
      type: 'ByteSize',
      description: 'Bytes of its files, including those that it shares with other images.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When it was added to this server under this name.',
    }),
    inUse: t.exposeBoolean('inUse', {
      description: 'Whether a job that has not ended uses it. It cannot be deleted until then.',
    }),
    layers: t.exposeInt('layers', { description: 'How many layers it consists of.' }),
    skipped: t.expose('skipped', {
      type: SkippedType,
      description:
        'What was left out of its layers because cells cannot have it: devices and other special files, except named pipes.',
    }),
    source: t.exposeString('source', { description: 'A sentence for people: where it comes from.' }),
    owner: t.exposeString('owner', {
      nullable: true,
      description: 'The only subject that may use it, apart from admins; null when everybody may.',
    }),
    builtIn: t.exposeBoolean('builtIn', {
      description: 'Whether it comes with the server, so that it can be neither replaced nor deleted.',
    }),
    env: t.field({
      type: [EnvVarType],
      description: 'Environment variables of jobs that do not set them.',
      resolve: ({ defaults }) => [...defaults.env],
    }),
    command: t.stringList({
      nullable: true,
      description:
        'What a job without `command` and `argv` runs: entry point and arguments of the image. Null when it has neither.',
      resolve: ({ defaults }) => (defaults.command === null ? null : [...defaults.command]),
    }),
    user: t.string({
      nullable: true,
      description: 'The user of jobs that do not set one; null: root of the cell.',
      resolve: ({ defaults }) => defaults.user,
    }),
    workdir: t.string({
      nullable: true,
      description: 'The working directory of jobs that do not set one; null: "/".',
      resolve: ({ defaults }) => defaults.workdir,
    }),
  }),
});

builder.queryField('images', (t) =>
  t.field({
    type: [ImageType],
    description:
      'The images that jobs of the caller can run in: first those that come with the server, then the others by their names.',
    resolve: async (_root, _args, context) => [...(await context.images.list(identify(context)))],
  }),
);
