/** The enum Role: what a caller may do. */
import type { ROLES } from '../jobs/service.ts';
import { builder } from './builder.ts';

export const Role = builder.enumType('Role', {
  description: 'What a caller may do. A job that it cannot see does not exist for it.',
  values: {
    ADMIN: { description: 'Everything, with the jobs of every subject.' },
    USER: { description: 'Submits jobs, and sees and controls those of its own subject.' },
    VIEWER: { description: 'Sees jobs of its own subject, and changes nothing.' },
  } as const satisfies Record<(typeof ROLES)[number], object>,
});
