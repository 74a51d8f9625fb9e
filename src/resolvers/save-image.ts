/** The mutation saveImage. */
import type { Image } from '../jobs/image.ts';
import { builder, identify } from './builder.ts';
import { ImageType } from './image.ts';
import { JOB_ID_HELP } from './job-payload.ts';

const SaveImageInput = builder.inputType('SaveImageInput', {
  description: 'The input of `saveImage`.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    name: t.string({
      required: true,
      description: 'The name that the image gets: lower-case letters, digits and . _ - / : @, at most 255.',
    }),
  }),
});

const SaveImagePayload = builder.objectRef<{ readonly image: Image }>('SaveImagePayload').implement({
  description: 'The result of `saveImage`.',
  fields: (t) => ({
    image: t.field({ type: ImageType, description: 'The image.', resolve: ({ image }) => image }),
  }),
});

builder.mutationField('saveImage', (t) =>
  t.field({
    type: SaveImagePayload,
    description:
      'Makes an image of the root of a job, with what the job has changed: of one that is paused, or that was submitted with `keepRoot` and has ended (once). It has files only, no processes and nothing of what they have in memory. The owner of the job may use it, and admins.',
    args: {
      input: t.arg({ type: SaveImageInput, required: true, description: 'Of which job, and its name.' }),
    },
    resolve: async (_root, { input: { jobId, name } }, context) => ({
      image: await context.jobs.saveImage(identify(context), jobId, name),
    }),
  }),
);
