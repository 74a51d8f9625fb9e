/**
 * Executes the events of subscriptions by a plan that is made once for each document, and serializes once what all
 * subscribers receive.
 *
 * As with queries, only answers without errors are made here: the executor finds what is wrong with a request, and
 * executes events with anything unusual.
 */

import {
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  getNamedType,
  locatedError,
  OperationTypeNode,
} from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { through } from '../async/through.ts';
import { SHARED } from '../resolvers/builder.ts';
import { withText } from './event-text.ts';
import { ByOperation, completeObject, type FieldPlan, type Plan, planOf, Run } from './execution-plan.ts';
import { SharedText } from './text-frames.ts';

/** For all transports: each subscribes on the same engine. */
export const useHotSubscriptions = (): Plugin => {
  const hot = new HotSubscriptions();
  return {
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn((args) => hot.subscribe(args, subscribeFn));
    },
  };
};

type Subscribe = (args: ExecutionArgs) => unknown;
type Events = AsyncIterableIterator<ExecutionResult, undefined>;

/** A plan with the one field that a subscription has. */
interface SubscriptionPlan {
  readonly plan: Plan;
  readonly field: FieldPlan;
  /** What events were written as; `null`: not all who receive them receive the same. */
  readonly texts: WeakMap<object, SharedText> | null;
}

/** The plans of subscriptions. */
export class HotSubscriptions {
  readonly #plans = new ByOperation<SubscriptionPlan>();

  /**
   * Subscribes as `subscribe` does.
   *
   * @param subscribe for what has no plan or is refused before its source is asked
   */
  subscribe(args: ExecutionArgs, subscribe: Subscribe): unknown {
    const found = this.#planOf(args);
    if (found === null) return subscribe(args);
    const run = new Run(args, found.plan);
    let source: unknown;
    try {
      run.begin();
      run.argsOf(found.field);
    } catch {
      return subscribe(args);
    }
    try {
      source = sourceOf(found, args, run);
    } catch (error) {
      return failed(error, found);
    }
    return source instanceof Promise
      ? source.then(
          (stream: unknown) => eventsOf(stream, found, run, args),
          (error: unknown) => failed(error, found),
        )
      : eventsOf(source, found, run, args);
  }

  #planOf(args: ExecutionArgs): SubscriptionPlan | null {
    const { schema, document } = args;
    return this.#plans.of(args, OperationTypeNode.SUBSCRIPTION, (operation) => {
      const plan = planOf(schema, document, operation);
      const [field, ...others] = plan?.root.fields ?? [];
      if (plan === null || field?.definition.subscribe === undefined || others.length > 0) return null;
      return { plan, field, texts: isShared(plan, field) ? new WeakMap<object, SharedText>() : null };
    });
  }
}

/** @throws Error what the resolver of the field throws */
const sourceOf = (
  { field }: SubscriptionPlan,
  { rootValue, contextValue }: ExecutionArgs,
  run: Run,
): unknown => field.definition.subscribe?.(rootValue, run.argsOf(field), contextValue, run.infoOf(field));

/** The result of the executor for an error of a resolver. */
const failed = (error: unknown, { field }: SubscriptionPlan): ExecutionResult => ({
  errors: [locatedError(error, field.nodes, [field.key])],
});

const eventsOf = (
  source: unknown,
  found: SubscriptionPlan,
  run: Run,
  args: ExecutionArgs,
): Events | ExecutionResult => {
  if (source instanceof Error) return failed(source, found);
  if (!isAsyncIterable(source))
    return failed(new GraphQLError('a subscription: expected events, got something else'), found);
  const events = source[Symbol.asyncIterator]();
  const execute = executorOf(found, run, args);
  const { operation: node } = found.plan;
  let isOver = false;
  return through(events, async () => {
    if (isOver) return { done: true, value: undefined };
    let event: IteratorResult<unknown>;
    try {
      event = await events.next();
    } catch (error) {
      isOver = true;
      const { message } = error as Error;
      throw new GraphQLError(message, { originalError: error as Error, nodes: [node] });
    }
    return event.done === true
      ? { done: true, value: undefined }
      : { done: false, value: await execute(event.value) };
  });
};

type Executed = ExecutionResult | Promise<ExecutionResult>;

/** What a transport accepts as events. */
interface TakesTexts {
  /** It sends texts (`textOf`) as they are. */
  readonly takesTexts?: true;
}

const executorOf = (
  found: SubscriptionPlan,
  begun: Run,
  args: ExecutionArgs,
): ((event: unknown) => Executed) => {
  const { plan, texts } = found;
  const otherwise = (event: unknown): Executed => execute({ ...args, rootValue: event });
  const byPlan = (event: unknown, asText: boolean, use: (data: unknown) => ExecutionResult): Executed => {
    const run = begun.again({ asText });
    let data: unknown;
    try {
      data = completeObject(plan.root, event, run);
    } catch {
      run.drop();
    }
    if (run.isComplete) return run.isDropped ? otherwise(event) : use(data);
    return run.settled().then(() => (run.isDropped ? otherwise(event) : use(data)));
  };
  const { takesTexts }: TakesTexts = args.contextValue ?? {};
  if (takesTexts !== true || texts === null)
    return (event) => byPlan(event, false, (data) => ({ data }) as ExecutionResult);
  return (event) => {
    const known = texts.get(event as object);
    if (known !== undefined) return withText(known);
    return byPlan(event, true, (data) => {
      const text = new SharedText(JSON.stringify({ data }));
      texts.set(event as object, text);
      return withText(text);
    });
  };
};

/**
 * Whether what subscribers receive depends on nothing but the event: not on who asks, nor on when, as the type of the
 * field says, and not on variables either, except for which events they receive.
 */
const isShared = ({ varying }: Plan, { definition, args }: FieldPlan): boolean =>
  getNamedType(definition.type).extensions[SHARED] === true && varying === (args === undefined ? 1 : 0);
