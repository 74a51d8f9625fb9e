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
      description: 'The name of the image: lower-case letters, digits and . _ - / : @, at most 255.',
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
      'Creates an image from the root file system of a job, with the changes that the job has made. The job has to be paused, or has to have ended and been submitted with `keepRoot` (then once only). The image contains files only, neither processes nor their memory. The owner of the job and admins may use it.',
    args: {
      input: t.arg({
        type: SaveImageInput,
        required: true,
        description: 'Which job, and the name of the image.',
      }),
    },
    resolve: async (_root, { input: { jobId, name } }, context) => ({
      image: await context.jobs.saveImage(identify(context), jobId, name),
    }),
  }),
);
