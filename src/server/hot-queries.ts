/**
 * Executes recurring queries by a plan that is made once for each document.
 *
 * Only answers without errors are made here. If anything else happens (a resolver fails, a value is missing, a variable
 * is wrong), the work is dropped and the query is executed like any other, so that there is only one implementation of
 * errors and of what they do to the fields around them. Queries change nothing, so it does not matter that they begin
 * twice.
 */

import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  OperationTypeNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { completeObject, type Plan, planOf, Run } from './execution-plan.ts';

/** Fields that read more than a row: to begin twice would cost. `Type.field`. */
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

/** Plans, for as long as their documents are kept. */
export class HotQueries {
  /** By operation; `null` for what has none. A document that came once has an empty one. */
  readonly #plans = new WeakMap<DocumentNode, Map<string, Plan | null>>();

  /**
   * Executes a query as `execute` does: itself, if the document has come before and has nothing unusual.
   *
   * @param execute for all other
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

  #planOf({ schema, document, operationName }: ExecutionArgs): Plan | null {
    const known = this.#plans.get(document);
    if (known === undefined) {
      this.#plans.set(document, new Map());
      return null;
    }
    const name = operationName ?? '';
    const found = known.get(name);
    if (found !== undefined) return found;
    const operation = getOperationAST(document, operationName);
    const isQuery = operation?.operation === OperationTypeNode.QUERY;
    const plan = isQuery ? planOf(schema, document, operation, COSTLY) : null;
    // There are as many names as operations, and one without.
    if (operation) known.set(name, plan);
    return plan;
  }
}

const finish = async (run: Run, data: unknown, otherwise: () => unknown): Promise<unknown> => {
  await run.settled();
  return run.isDropped ? otherwise() : ({ data } as ExecutionResult);
};
