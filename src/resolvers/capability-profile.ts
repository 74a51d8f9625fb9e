/** The enum CapabilityProfile: the Linux capabilities a job may have. */
import { builder } from './builder.ts';

export const CapabilityProfile = builder.enumType('CapabilityProfile', {
  description:
    'Linux capabilities of a command that runs as root of its cell. They apply inside the cell only and give nothing on the host.',
  values: {
    NONE: { description: 'No capabilities: root of the cell has no more rights than any other user there.' },
    ROOT_IN_CELL: {
      description:
        'What package managers, su and chown need: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID and NET_BIND_SERVICE. Only for root of the cell.',
    },
  } as const,
});
