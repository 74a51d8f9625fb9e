import type { Page } from '../jobs/store.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { JobFilter, toFilter } from './job-filter.ts';
import { checkPage } from './page.ts';

const JobOrder = builder.enumType('JobOrder', {
  description: 'By time of creation.',
  values: ['NEWEST_FIRST', 'OLDEST_FIRST'] as const,
});

const DEFAULT_FIRST = 20;

const JobConnection = builder.connectionObject(
  {
    type: JobNode,
    name: 'JobConnection',
    fields: (t) => ({
      totalCount: t.int({
        description: 'How many jobs match in all.',
        // Pothos keeps what the resolver of `jobs` returned, but its type of a connection has no room for more.
        resolve: (connection) => (connection as unknown as JobPage).total(),
      }),
    }),
  },
  { name: 'JobEdge' },
);

/** A connection that counts only when it is asked to. */
interface JobPage {
  readonly total: () => Promise<number>;
}

builder.queryField('jobs', (t) =>
  t.field({
    type: JobConnection,
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: JobFilter }),
      orderBy: t.arg({ type: JobOrder, defaultValue: 'NEWEST_FIRST' }),
    },
    resolve: async (_root, args, context) => {
      const identity = identify(context);
      const filter = toFilter(args.filter);
      const window = checkPage(args, DEFAULT_FIRST);
      const page = await context.jobs.list(identity, {
        ...window,
        order: args.orderBy ?? 'NEWEST_FIRST',
        filter,
      });
      return { ...toConnection(page), total: () => context.jobs.count(identity, filter) };
    },
  }),
);

const toConnection = ({ jobs, hasNext, hasPrevious }: Page) => ({
  edges: jobs.map((job) => ({ cursor: job.id, node: job })),
  pageInfo: {
    hasNextPage: hasNext,
    hasPreviousPage: hasPrevious,
    startCursor: jobs[0]?.id ?? null,
    endCursor: jobs.at(-1)?.id ?? null,
  },
});
