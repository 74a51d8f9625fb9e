import { builder } from './builder.ts';

export const CapabilityProfile = builder.enumType('CapabilityProfile', {
  description: 'What a command that is root of its cell may do as such, in the cell. Outside of it: nothing.',
  values: {
    NONE: { description: 'Nothing: root of the cell is a user as any other there.' },
    ROOT_IN_CELL: {
      description:
        "What package managers, su and chown need: change owners and modes, become other users, signal them, bind low ports. For the cell's root only.",
    },
  } as const,
});
