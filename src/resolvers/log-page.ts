/** The arguments of the fields that return one page of a log. */
import { checkAll } from '../jobs/faults.ts';
import type { Job } from '../jobs/job.ts';
import { DEFAULT_PAGE_BYTES, LARGEST_PAGE_BYTES, type LogPageRequest } from '../jobs/service.ts';
import type { LogBatch } from '../runtime/log/page.ts';
import { pageBytes } from './answer-budget.ts';
import { builder, identify } from './builder.ts';
import type { Context } from './context.ts';
import { GREP_HELP, LogStream, logGrep, logStart, START_HELP } from './log.ts';
import { wellFormed } from './scalars.ts';

export const logPageArgs = builder.args((t) => ({
  after: t.string({ description: START_HELP.after }),
  maxBytes: t.field({
    type: 'ByteSize',
    description: 'The most bytes of output to return, from 1 to 1Mi. Default 64Ki.',
  }),
  first: t.field({
    type: 'ByteSize',
    description: 'The former name of `maxBytes`.',
    deprecationReason: 'Renamed to `maxBytes`: it counts bytes, not entries.',
  }),
  line: t.int({ description: START_HELP.line }),
  tail: t.int({ description: START_HELP.tail }),
  since: t.field({ type: 'DateTime', description: START_HELP.since }),
  offset: t.field({ type: 'ByteSize', description: START_HELP.offset }),
  stream: t.field({ type: LogStream, description: START_HELP.stream }),
  grep: t.string({
    description:
      'Only lines that contain this text, of 1 to 1024 bytes without newline. A page searches at most 64 MiB, or 8 MiB with `regex`, and may be empty: continue with `after: cursor` until `endOfLog`.',
  }),
  regex: t.boolean({ description: GREP_HELP.regex }),
  context: t.int({ description: GREP_HELP.context }),
}));

type LogPageArgs = Parameters<typeof logStart>[0] &
  Parameters<typeof logGrep>[0] & {
    readonly maxBytes?: Size;
    readonly first?: Size;
  };
type Size = Parameters<typeof logStart>[0]['offset'];

/**
 * Reads the page that the arguments ask for, within the budget of the answer.
 *
 * @param rootValue of the operation, as the resolver has it
 * @throws ClientError `BAD_USER_INPUT` for a bad argument
 */
export const readLogPage = (
  job: Job,
  args: LogPageArgs,
  context: Context,
  rootValue: unknown,
): Promise<LogBatch> => {
  const request = logPageRequest(args);
  // What is out of range is refused by the service, which reads nothing then.
  const most = Math.min(request.maxBytes ?? request.first ?? DEFAULT_PAGE_BYTES, LARGEST_PAGE_BYTES);
  const read = () => context.jobs.readLog(identify(context), job.id, request);
  return context.budget.read(rootValue, most, read, pageBytes);
};

const logPageRequest = (args: LogPageArgs): LogPageRequest => {
  const { start, maxBytes, first } = checkAll({
    start: () => logStart(args),
    maxBytes: () => wellFormed('maxBytes', args.maxBytes),
    first: () => wellFormed('first', args.first),
  });
  return {
    ...start,
    ...(maxBytes !== undefined && { maxBytes }),
    ...(first !== undefined && { first }),
    ...logGrep(args),
  };
};
