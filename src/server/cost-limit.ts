/** Refuses operations that may cost too much, and reports the cost of an operation on request. */
import {
  type DocumentNode,
  type ExecutionArgs,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  OperationTypeNode,
} from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { FairLimit } from '../async/fair-limit.ts';
import type { Context } from '../resolvers/context.ts';
import { costsByVariables, MOST_COST, operationCost } from '../resolvers/operation-cost.ts';

/** Queries of at least this cost take turns, this many at once. */
const EXPENSIVE = 2000;
const EXPENSIVE_AT_ONCE = 2;

/** For every transport: HTTP, SSE and WebSocket execute on the same engine. */
export const useCostLimit = (): Plugin<Context> => {
  const turns = new FairLimit(EXPENSIVE_AT_ONCE);
  return {
    onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      const cost = costOf(args);
      if (cost > MOST_COST) {
        setResultAndStopExecution({ errors: [tooExpensive(cost)] });
        return undefined;
      }
      if (cost >= EXPENSIVE && isQuery(args))
        setExecuteFn((given) => turns.take('', async () => executeFn(given)));
      if (!isAsked(args.contextValue)) return undefined;
      const { budget }: Context = args.contextValue;
      return {
        onExecuteDone({ result, setResult }) {
          if (isAsyncIterable(result)) return;
          const reported = {
            operation: cost,
            limit: MOST_COST,
            bytes: budget.used,
            bytesLimit: budget.most,
          };
          setResult({ ...result, extensions: { ...result.extensions, cost: reported } });
        },
      };
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const cost = costOf(args);
      if (cost > MOST_COST) setResultAndStopExecution({ errors: [tooExpensive(cost)] });
    },
  };
};

/** Mutations do not keep others from their turns: they may wait for jobs, for a day. */
const isQuery = ({ document, operationName }: ExecutionArgs): boolean =>
  getOperationAST(document, operationName)?.operation === OperationTypeNode.QUERY;

/** What is known about a document: the cost of each operation, if that does not depend on variables. */
interface Known {
  readonly byVariables: boolean;
  readonly costs: Map<string, number>;
}

const known = new WeakMap<DocumentNode, Known>();

const costOf = (args: ExecutionArgs): number => {
  const { document, operationName } = args;
  const found = known.get(document) ?? { byVariables: costsByVariables(document), costs: new Map() };
  known.set(document, found);
  if (found.byVariables) return computeCost(args);
  const cost = found.costs.get(operationName ?? '') ?? computeCost(args);
  // A client may name any number of operations that do not exist.
  if (cost > 0) found.costs.set(operationName ?? '', cost);
  return cost;
};

const computeCost = ({ schema, document, operationName, variableValues }: ExecutionArgs): number => {
  const operation = getOperationAST(document, operationName);
  // Which one is meant is what the execution reports.
  if (!operation) return 0;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  return operationCost(schema, operation, fragments, variableValues ?? {});
};

/** A request says `extensions: { cost: true }` (GraphQL over HTTP, section 5.1). */
const isAsked = ({
  params,
}: {
  readonly params?: { readonly extensions?: Record<string, unknown> };
}): boolean => params?.extensions?.['cost'] === true;

const tooExpensive = (cost: number): GraphQLError =>
  new GraphQLError(
    `operation: expected a cost of at most ${MOST_COST}, got ${cost}: ask for fewer jobs at once, or for less of each`,
    { extensions: { code: 'OPERATION_TOO_EXPENSIVE', cost: { operation: cost, limit: MOST_COST } } },
  );
