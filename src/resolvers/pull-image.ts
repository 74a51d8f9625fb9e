/** The mutation pullImage, and the subscription imageProgress. */
import type { Image } from '../jobs/image.ts';
import type { IMAGE_PHASES, ImageProgress } from '../jobs/images.ts';
import { builder, identify } from './builder.ts';
import { ImageType } from './image.ts';

const PullImageInput = builder.inputType('PullImageInput', {
  description: 'The input of `pullImage`.',
  fields: (t) => ({
    reference: t.string({
      required: true,
      description:
        'What to pull, in the form that docker takes: `alpine:3.20`, `registry.example/team/app@sha256:...`. The default registry is Docker Hub, the default tag `latest`.',
    }),
    name: t.string({
      description:
        'The name of the image. Default: the reference. An existing name refers to the new image from then on.',
    }),
  }),
});

const PullImagePayload = builder.objectRef<{ readonly image: Image }>('PullImagePayload').implement({
  description: 'The result of `pullImage`.',
  fields: (t) => ({
    image: t.field({ type: ImageType, description: 'The image.', resolve: ({ image }) => image }),
  }),
});

builder.mutationField('pullImage', (t) =>
  t.field({
    type: PullImagePayload,
    description:
      'Adds an image from a registry, for the processor of this machine, and returns when jobs can start from it; `imageProgress` shows its progress. Layers that are here already are not fetched again. For an ADMIN only.',
    args: {
      input: t.arg({ type: PullImageInput, required: true, description: 'Which image, and its name.' }),
    },
    resolve: async (_root, { input: { reference, name } }, context) => ({
      image: await context.images.pull(identify(context), { reference, ...(name != null && { name }) }),
    }),
  }),
);

const Phase = builder.enumType('ImagePhase', {
  description: 'What is being done to add an image.',
  values: {
    WAITING: { description: 'It waits until another image has been added.' },
    FETCHING: { description: 'Its layers are being fetched.' },
    UNPACKING: { description: 'Its layers are being unpacked.' },
  } as const satisfies Record<(typeof IMAGE_PHASES)[number], object>,
});

const ProgressType = builder.objectRef<ImageProgress>('ImageProgress').implement({
  description: 'The progress of an image that is being added.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name that it gets.' }),
    phase: t.expose('phase', { type: Phase, description: 'What is being done.' }),
    received: t.expose('receivedBytes', { type: 'ByteSize', description: 'Bytes that have arrived.' }),
    total: t.expose('totalBytes', {
      type: 'ByteSize',
      nullable: true,
      description: 'Bytes to fetch in total; null while that is not known.',
    }),
    unpacked: t.exposeInt('unpacked', {
      description: 'How many layers are unpacked, including those that were here before.',
    }),
    layers: t.exposeInt('layers', {
      nullable: true,
      description: 'How many layers it has; null while that is not known.',
    }),
  }),
});

builder.subscriptionField('imageProgress', (t) =>
  t.field({
    type: ProgressType,
    description:
      'The progress of the image that is being added under a name. Waits until one is being added, and completes when that has succeeded or failed. For an ADMIN only.',
    args: { name: t.arg.string({ required: true, description: 'The name that the image gets.' }) },
    subscribe: (_root, { name }, context) => context.images.follow(identify(context), name),
    resolve: (progress) => progress,
  }),
);
