/** The mutation deleteImage. */
import { builder, identify } from './builder.ts';

const DeleteImageInput = builder.inputType('DeleteImageInput', {
  description: 'The input of `deleteImage`.',
  fields: (t) => ({ name: t.string({ required: true, description: 'The name of the image.' }) }),
});

const DeleteImagePayload = builder.objectRef<{ readonly name: string }>('DeleteImagePayload').implement({
  description: 'The result of `deleteImage`.',
  fields: (t) => ({ name: t.exposeString('name', { description: 'The name, which is free again.' }) }),
});

builder.mutationField('deleteImage', (t) =>
  t.field({
    type: DeleteImagePayload,
    description:
      'Deletes an image, and those of its layers that no other image needs. Fails with IMAGE_IN_USE while a job that has not ended uses it. Only an ADMIN can delete an image that everybody may use.',
    args: {
      input: t.arg({ type: DeleteImageInput, required: true, description: 'Which image to delete.' }),
    },
    resolve: async (_root, { input }, context) => ({
      name: await context.images.delete(identify(context), input.name),
    }),
  }),
);
