/**
 * Executes recurring queries by a plan that is made once for each document.
 *
 * Only answers without errors are made here. If anything else happens (a resolver fails, a value is missing, a variable
 * is wrong), the work is dropped and the query is executed like any other, so that there is only one implementation of
 * errors and of what they do to the fields around them. Queries change nothing, so it does not matter that they begin
 * twice.
 */

import { type ExecutionArgs, type ExecutionResult, OperationTypeNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { ByOperation, completeObject, type Plan, planOf, Run } from './execution-plan.ts';

/** Fields that read more than a row, so that starting twice would be expensive. `Type.field`. */
const COSTLY: ReadonlySet<string> = new Set([
  'Job.logs',
  'Job.files',
  'Job.receipt',
  'Job.lineCount',
  'Job.isolation',
  'Job.execs',
  'Job.stdin',
  'Job.stdinBytes',
  'Query.images',
  'Query.auditLog',
]);

/** For all transports: each executes on the same engine. */
export const useHotQueries = (): Plugin => {
  const hot = new HotQueries();
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn((args) => hot.execute(args, executeFn));
    },
  };
};

type Execute = (args: ExecutionArgs) => unknown;

/** The plans of queries. */
export class HotQueries {
  readonly #plans = new ByOperation<Plan>();

  /**
   * Executes a query as `execute` does: by a plan if the document was executed before and contains nothing unusual.
   *
   * @param execute executes everything else
   */
  execute(args: ExecutionArgs, execute: Execute): unknown {
    const plan = this.#planOf(args);
    if (plan === null) return execute(args);
    const run = new Run(args, plan);
    let data: unknown;
    try {
      run.begin();
      data = completeObject(plan.root, args.rootValue, run);
    } catch {
      run.drop();
    }
    if (run.isDropped && run.isComplete) return execute(args);
    return run.isComplete ? { data } : finish(run, data, () => execute(args));
  }

  #planOf(args: ExecutionArgs): Plan | null {
    const { schema, document } = args;
    if (!this.#plans.knows(document)) return null;
    return this.#plans.of(args, OperationTypeNode.QUERY, (operation) =>
      planOf(schema, document, operation, COSTLY),
    );
  }
}

const finish = async (run: Run, data: unknown, otherwise: () => unknown): Promise<unknown> => {
  await run.settled();
  return run.isDropped ? otherwise() : ({ data } as ExecutionResult);
};
