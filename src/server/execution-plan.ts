/**
 * How an operation is executed: which fields of which types are read, and how each value becomes a part of the answer.
 * (graphql-js finds that out again for each object.) A plan executes nothing unusual and makes no errors: it throws
 * `Unusual` instead.
 */

import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
  type SelectionSetNode,
  TypeNameMetaFieldDef,
  typeFromAST,
  visit,
} from 'graphql';
import { usesVariables } from '../resolvers/operation-cost.ts';

declare global {
  interface JSON {
    /** A value that `stringify` writes as the text says (ECMAScript proposal "JSON.parse source text access"). */
    rawJSON(text: string): object;
  }
}

type Values = Readonly<Record<string, unknown>>;

/** Executes one operation of one document. */
export interface Plan {
  readonly root: ObjectPlan;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  readonly fields: number;
  /** Fields whose arguments depend on variables. */
  readonly varying: number;
  /** The variables, where each is a scalar or an enum value: these are parsed without looking at their types again. */
  readonly leaves: readonly { readonly name: string; readonly type: GraphQLLeafType }[] | undefined;
}

/** How the fields of an object are read. */
export interface ObjectPlan {
  readonly fields: readonly FieldPlan[];
}

/** How one field is read and completed. */
export interface FieldPlan {
  readonly key: string;
  readonly name: string;
  /** Its place among those that have arguments, or what a resolver is given of itself, in one execution. */
  readonly index: number;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly parent: GraphQLObjectType;
  readonly nodes: readonly FieldNode[];
  /** `undefined`: computed for each execution, from its variables. */
  readonly args: Values | undefined;
  /** The variables that its arguments are, if each is one and there are no others. */
  readonly variables: readonly { readonly argument: string; readonly name: string }[] | undefined;
  readonly complete: Complete;
}

/**
 * Characters from which on a text is written by itself. Within an answer that takes half as long again: each time what was
 * written so far outgrows its buffer, it is copied.
 */
const LONG_CHARACTERS = 1024;

/** Makes a value of an answer from what a resolver has returned. @throws Unusual */
type Complete = (value: unknown, run: Run) => unknown;

/** Thrown for what is to be executed without a plan. */
export class Unusual extends Error {}

/** One execution. */
export class Run {
  readonly context: unknown;
  readonly schema: GraphQLSchema;
  readonly plan: Plan;
  /** Long texts are values of `JSON.rawJSON`: what completes them is written and not looked at. */
  readonly asText: boolean;
  readonly #args: ExecutionArgs;
  readonly #given: Values;
  readonly #fieldArgs: (Values | undefined)[];
  readonly #infos: (GraphQLResolveInfo | undefined)[];
  variables: Record<string, unknown> = {};
  #pending: Promise<void>[] = [];
  #dropped = false;

  constructor(args: ExecutionArgs, plan: Plan, asText = false) {
    this.#args = args;
    this.asText = asText;
    this.context = args.contextValue;
    this.schema = args.schema;
    this.plan = plan;
    this.#given = args.variableValues ?? {};
    this.#fieldArgs = new Array(plan.fields);
    this.#infos = new Array(plan.fields);
  }

  /** Whether nothing of it is used. */
  get isDropped(): boolean {
    return this.#dropped;
  }

  /** Whether no promise is waited for. */
  get isComplete(): boolean {
    return this.#pending.length === 0;
  }

  /** Reads the variables. @throws Unusual */
  begin(): void {
    const { variableDefinitions = [] } = this.plan.operation;
    if (variableDefinitions.length === 0) return;
    const { leaves } = this.plan;
    if (leaves?.every(({ name }) => isGiven(this.#given, name))) {
      for (const { name, type } of leaves) this.variables[name] = type.parseValue(this.#given[name]);
      return;
    }
    const { coerced } = getVariableValues(this.schema, variableDefinitions, this.#given, { maxErrors: 1 });
    if (coerced === undefined) throw new Unusual();
    this.variables = coerced;
  }

  /** Another execution with the same variables. */
  again({ asText }: Pick<Run, 'asText'>): Run {
    const run = new Run(this.#args, this.plan, asText);
    run.variables = this.variables;
    return run;
  }

  /** Its result is not used, and neither is what resolvers still return. */
  drop(): void {
    this.#dropped = true;
  }

  /** Has `use` called with what a promise resolves to. */
  later(promise: PromiseLike<unknown>, use: (value: unknown) => void): void {
    const drop = (): void => this.drop();
    const step = (value: unknown): void => {
      if (!this.#dropped) use(value);
    };
    this.#pending.push(Promise.resolve(promise).then(step).catch(drop));
  }

  /** Settles when all promises have: dropped work must not continue reading while other work follows. */
  async settled(): Promise<void> {
    while (this.#pending.length > 0) {
      const pending = this.#pending;
      this.#pending = [];
      await Promise.all(pending);
    }
  }

  /** Arguments are the same for all objects of a list. @throws GraphQLError for a bad one */
  argsOf(field: FieldPlan): Values {
    const { args, index, definition, nodes } = field;
    if (args !== undefined) return args;
    const known = this.#fieldArgs[index];
    if (known !== undefined) return known;
    const [node] = nodes;
    if (node === undefined) throw new Unusual();
    const values = this.#fromVariables(field) ?? getArgumentValues(definition, node, this.variables);
    this.#fieldArgs[index] = values;
    return values;
  }

  /** The arguments of a field that has nothing but variables, each of which is given. */
  #fromVariables({ variables }: FieldPlan): Values | undefined {
    if (variables === undefined || !variables.every(({ name }) => isGiven(this.variables, name)))
      return undefined;
    const values: Record<string, unknown> = {};
    for (const { argument, name } of variables) values[argument] = this.variables[name];
    return values;
  }

  /** What the resolver of a field is given, the same for all objects of a list. */
  infoOf(field: FieldPlan): GraphQLResolveInfo {
    const { index } = field;
    const known = this.#infos[index];
    if (known !== undefined) return known;
    const info = new Info(field, this);
    this.#infos[index] = info;
    return info;
  }
}

/** `{}` has more than what is given. */
const isGiven = (given: Values, name: string): boolean =>
  Object.hasOwn(given, name) && given[name] !== null && given[name] !== undefined;

/** What a resolver is given of its field: all but its place in the answer, which nothing here knows. */
class Info implements GraphQLResolveInfo {
  readonly fieldName: string;
  readonly fieldNodes: readonly FieldNode[];
  readonly returnType: GraphQLOutputType;
  readonly parentType: GraphQLObjectType;
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  /** Not that of the other execution: answers are distinguished by it, where what they hold is counted. */
  readonly rootValue: unknown;
  readonly operation: OperationDefinitionNode;
  readonly variableValues: Record<string, unknown>;

  constructor({ name, nodes, definition, parent }: FieldPlan, run: Run) {
    this.fieldName = name;
    this.fieldNodes = nodes;
    this.returnType = definition.type;
    this.parentType = parent;
    this.schema = run.schema;
    this.fragments = run.plan.fragments;
    this.rootValue = run;
    this.operation = run.plan.operation;
    this.variableValues = run.variables;
  }

  get path(): never {
    throw new Unusual();
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Resolves and completes the fields of an object. @throws Unusual, and what resolvers throw */
export const completeObject = (
  { fields }: ObjectPlan,
  source: unknown,
  run: Run,
): Record<string, unknown> => {
  const result: Record<string, unknown> = {};
  for (const field of fields) {
    const { key, complete } = field;
    const value = resolve(field, source, run);
    if (isPromise(value)) {
      // The place of the field is that of the selection, whenever its value comes.
      result[key] = undefined;
      run.later(value, (later) => {
        result[key] = complete(later, run);
      });
    } else result[key] = complete(value, run);
  }
  return result;
};

const resolve = (field: FieldPlan, source: unknown, run: Run): unknown => {
  const { resolve: own } = field.definition;
  if (own !== undefined) return own(source, run.argsOf(field), run.context, run.infoOf(field));
  if (typeof source !== 'object' || source === null) throw new Unusual();
  const value: unknown = source[field.name as keyof typeof source];
  if (typeof value === 'function') throw new Unusual();
  return value;
};

/**
 * Plans an operation of a document that is valid.
 *
 * @param excluded fields, as `Type.field`, with which an operation has no plan
 * @returns `null` for an operation that is not executed by a plan
 */
export const planOf = (
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  excluded: ReadonlySet<string> = new Set(),
): Plan | null => {
  const root = schema.getRootType(operation.operation);
  if (!root || hasDirectives(document)) return null;
  const planner = new Planner(schema, document, excluded);
  try {
    const plan = planner.object(root, [operation.selectionSet]);
    const { fragments, fields, varying } = planner;
    return { root: plan, operation, fragments, fields, varying, leaves: leavesOf(schema, operation) };
  } catch (error) {
    if (error instanceof Unusual) return null;
    throw error;
  }
};

/** What was made of the operations of documents, for as long as these are kept. */
export class ByOperation<T> {
  readonly #made = new WeakMap<DocumentNode, Map<string, T | null>>();

  /** Whether an operation of a document was asked for before; from now on one was. */
  knows(document: DocumentNode): boolean {
    if (this.#made.has(document)) return true;
    this.#made.set(document, new Map());
    return false;
  }

  /**
   * What was made of the operation that is to be executed.
   *
   * @param make called once; `null`: nothing can be made of it
   * @returns `null` for an operation of another type, too
   */
  of(
    { document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>,
    type: OperationTypeNode,
    make: (operation: OperationDefinitionNode) => T | null,
  ): T | null {
    this.knows(document);
    const byName = this.#made.get(document);
    const name = operationName ?? '';
    const found = byName?.get(name);
    if (found !== undefined) return found;
    const operation = getOperationAST(document, operationName);
    // There are as many names as operations, and one without.
    if (!operation) return null;
    const made = operation.operation === type ? make(operation) : null;
    byName?.set(name, made);
    return made;
  }
}

const leavesOf = (
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): Plan['leaves'] => {
  const leaves = variableDefinitions.map(({ variable, type: node }) => {
    const type = typeFromAST(schema, node.kind === Kind.NON_NULL_TYPE ? node.type : node);
    return { name: variable.name.value, type };
  });
  type Leaf = { readonly name: string; readonly type: GraphQLLeafType };
  return leaves.every((leaf): leaf is Leaf => isLeafType(leaf.type) && leaf.name !== '__proto__')
    ? leaves
    : undefined;
};

/** What is left out depends on variables. */
const hasDirectives = (document: DocumentNode): boolean => {
  let found = false;
  visit(document, {
    Directive: () => {
      found = true;
    },
  });
  return found;
};

class Planner {
  readonly fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  readonly #schema: GraphQLSchema;
  readonly #excluded: ReadonlySet<string>;
  fields = 0;
  varying = 0;

  constructor(schema: GraphQLSchema, document: DocumentNode, excluded: ReadonlySet<string>) {
    this.#schema = schema;
    this.#excluded = excluded;
    for (const node of document.definitions)
      if (node.kind === Kind.FRAGMENT_DEFINITION) this.fragments[node.name.value] = node;
  }

  /** @throws Unusual */
  object(type: GraphQLObjectType, selections: readonly SelectionSetNode[]): ObjectPlan {
    if (type.isTypeOf) throw new Unusual();
    const byKey = new Map<string, FieldNode[]>();
    for (const selection of selections) this.#collect(type, selection, byKey);
    return { fields: [...byKey].map(([key, nodes]) => this.#field(type, key, nodes)) };
  }

  /** The fields of a type by their keys in the answer (GraphQL, section 6.3.2). */
  #collect(type: GraphQLObjectType, { selections }: SelectionSetNode, byKey: Map<string, FieldNode[]>): void {
    for (const node of selections) {
      if (node.kind === Kind.FIELD) {
        const key = (node.alias ?? node.name).value;
        const nodes = byKey.get(key);
        if (nodes === undefined) byKey.set(key, [node]);
        else nodes.push(node);
        continue;
      }
      const fragment = node.kind === Kind.FRAGMENT_SPREAD ? this.fragments[node.name.value] : node;
      if (fragment === undefined) throw new Unusual();
      const { typeCondition } = fragment;
      if (typeCondition === undefined || this.#applies(typeCondition.name.value, type))
        this.#collect(type, fragment.selectionSet, byKey);
    }
  }

  #applies(name: string, type: GraphQLObjectType): boolean {
    const condition = this.#schema.getType(name);
    return condition === type || (isAbstractType(condition) && this.#schema.isSubType(condition, type));
  }

  #field(parent: GraphQLObjectType, key: string, nodes: readonly FieldNode[]): FieldPlan {
    const [node] = nodes;
    const name = node?.name.value ?? '';
    if (key === '__proto__' || this.#excluded.has(`${parent.name}.${name}`)) throw new Unusual();
    const definition = name === '__typename' ? typeNameOf(parent) : parent.getFields()[name];
    // Others that begin like this are of the schema itself.
    if (definition === undefined || node === undefined) throw new Unusual();
    const selections = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const varies = usesVariables(node);
    if (varies) this.varying += 1;
    return {
      key,
      name,
      index: this.fields++,
      definition,
      parent,
      nodes,
      args: varies ? undefined : getArgumentValues(definition, node, {}),
      variables: variablesOf(node, definition),
      complete: this.#complete(definition.type, selections),
    };
  }

  /** How values of a type are completed (GraphQL, section 6.4.3). */
  #complete(type: GraphQLOutputType, selections: readonly SelectionSetNode[]): Complete {
    if (isNonNullType(type)) {
      const complete = this.#complete(type.ofType, selections);
      return (value, run) => {
        const completed = complete(value, run);
        if (completed === null) throw new Unusual();
        return completed;
      };
    }
    if (isListType(type)) return listOf(this.#complete(type.ofType, selections));
    if (isLeafType(type))
      return (value, run) => {
        if (value === null || value === undefined) return null;
        if (value instanceof Error) throw value;
        const serialized: unknown = type.serialize(value);
        if (serialized === null || serialized === undefined) throw new Unusual();
        return run.asText && typeof serialized === 'string' && serialized.length > LONG_CHARACTERS
          ? JSON.rawJSON(JSON.stringify(serialized))
          : serialized;
      };
    if (!isObjectType(type)) throw new Unusual();
    const plan = this.object(type, selections);
    return (value, run) => {
      if (value === null || value === undefined) return null;
      if (value instanceof Error) throw value;
      return completeObject(plan, value, run);
    };
  }
}

const listOf =
  (complete: Complete): Complete =>
  (value, run) => {
    if (value === null || value === undefined) return null;
    if (!Array.isArray(value)) throw new Unusual();
    const list: unknown[] = new Array(value.length);
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value[index];
      if (isPromise(item))
        run.later(item, (later) => {
          list[index] = complete(later, run);
        });
      else list[index] = complete(item, run);
    }
    return list;
  };

const variablesOf = (
  { arguments: given = [] }: FieldNode,
  { args }: GraphQLField<unknown, unknown>,
): FieldPlan['variables'] => {
  if (given.length !== args.length) return undefined;
  const variables = given.map(({ name, value }) => ({
    argument: name.value,
    name: value.kind === Kind.VARIABLE ? value.name.value : undefined,
  }));
  return variables.every((one): one is typeof one & { name: string } => one.name !== undefined)
    ? variables
    : undefined;
};

const typeNameOf = (type: GraphQLObjectType): GraphQLField<unknown, unknown> => ({
  ...TypeNameMetaFieldDef,
  resolve: () => type.name,
});
