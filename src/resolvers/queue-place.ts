/** The type QueuePlace: the place of a job in the queue. */
import type { QueuePlace } from '../jobs/queue.ts';
import { builder } from './builder.ts';

export const QueuePlaceType = builder.objectRef<QueuePlace>('QueuePlace').implement({
  description: 'The place of a QUEUED job in the queue.',
  fields: (t) => ({
    position: t.exposeInt('position', {
      nullable: true,
      description:
        'The position, counted from 1, the next to start; null while the job waits for `startAfter`.',
    }),
    reason: t.exposeString('reason', { description: 'A sentence for people: what the job waits for.' }),
  }),
});
