/** The query jobs: all jobs, page by page. */
import { chain } from '../async/now.ts';
import { checkAll } from '../jobs/faults.ts';
import type { Page, Total } from '../jobs/store.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { JobFilter, toFilter } from './job-filter.ts';
import { checkPage, DEFAULT_ROWS } from './page.ts';

const JobOrder = builder.enumType('JobOrder', {
  description: 'The order of jobs, by time of submission.',
  values: {
    NEWEST_FIRST: { description: 'The latest submission first.' },
    OLDEST_FIRST: { description: 'The earliest submission first.' },
  } as const,
});

const JobConnection = builder.connectionObject(
  {
    type: JobNode,
    name: 'JobConnection',
    description: 'A page of jobs (Relay cursor connections).',
    fields: (t) => ({
      totalCount: t.int({
        description:
          'The number of jobs that match, on all pages. Counted only when it is selected, and up to 10000 unless all jobs of the server are asked for: `totalCountIsExact` says whether there are more.',
        resolve: async (connection) => (await totalOf(connection)).count,
      }),
      totalCountIsExact: t.boolean({
        description: 'Whether `totalCount` is the exact number; otherwise there are more jobs than it says.',
        resolve: async (connection) => (await totalOf(connection)).isExact,
      }),
    }),
  },
  { name: 'JobEdge', description: 'A job of a page, with its cursor.' },
);

/** A connection whose jobs are counted only when a count is selected, and once for both fields. */
interface JobPage {
  readonly total: () => Promise<Total>;
}

/** Pothos keeps the object that the resolver of `jobs` returned, but its connection type has no additional fields. */
const totalOf = (connection: unknown): Promise<Total> => (connection as JobPage).total();

builder.queryField('jobs', (t) =>
  t.field({
    type: JobConnection,
    description: 'All jobs that match, page by page: running, queued and finished ones that are kept.',
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: JobFilter, description: 'Which jobs. Default: all.' }),
      orderBy: t.arg({ type: JobOrder, defaultValue: 'NEWEST_FIRST', description: 'In which order.' }),
    },
    resolve: (_root, args, context) => {
      const identity = identify(context);
      const { filter, window } = checkAll({
        filter: () => toFilter(args.filter),
        window: () => checkPage(args, DEFAULT_ROWS),
      });
      const request = { ...window, order: args.orderBy ?? 'NEWEST_FIRST', filter } as const;
      return chain(context.jobs.list(identity, request), (page) => ({
        ...toConnection(page),
        // Each count gets a turn of the event loop of its own: many of them together would delay other clients.
        total: once(() => context.budget.ownTurn().then(() => context.jobs.total(identity, filter))),
      }));
    },
  }),
);

const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= work();
    return made;
  };
};

const toConnection = ({ jobs, hasNext, hasPrevious }: Page) => ({
  edges: jobs.map((job) => ({ cursor: job.id, node: job })),
  pageInfo: {
    hasNextPage: hasNext,
    hasPreviousPage: hasPrevious,
    startCursor: jobs[0]?.id ?? null,
    endCursor: jobs.at(-1)?.id ?? null,
  },
});
