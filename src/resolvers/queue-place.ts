import type { QueuePlace } from '../jobs/queue.ts';
import { builder } from './builder.ts';

export const QueuePlaceType = builder.objectRef<QueuePlace>('QueuePlace').implement({
  fields: (t) => ({
    position: t.exposeInt('position', {
      nullable: true,
      description: '1 is the next to start; null while the job waits for a time.',
    }),
    reason: t.exposeString('reason', { description: 'What it waits for.' }),
  }),
});
