/** What an operation costs at most, known before it is executed. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getVariableValues,
  isLeafType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  typeFromAST,
  visit,
} from 'graphql';
import { DEFAULT_ENTRIES } from '../jobs/files.ts';
import { LARGEST_PAGE_BYTES } from '../jobs/service.ts';
import { DEFAULT_ROWS, MOST_ROWS } from './page.ts';

/**
 * An operation that costs more is refused. A field costs 1 unless `COSTS` says otherwise, and what is selected below a
 * list counts once for each element that the list may have. All fields of 100 jobs stay below this, and so do 100 pages
 * of log.
 */
export const MOST_COST = 50_000;

type Arguments = Readonly<Record<string, unknown>>;

interface Cost {
  /** The cost of the field itself. */
  readonly own?: number | ((args: Arguments) => number);
  /** The most elements that it has: what is selected below it counts that often. */
  readonly elements?: (args: Arguments) => number;
}

const PAGE_BYTES = 64 * 1024;

const LOG_PAGE: Cost = {
  own: ({ maxBytes, first, grep }) =>
    typeof grep === 'string' ? 1000 : 10 + Math.ceil(pageBytes(maxBytes ?? first) / PAGE_BYTES),
};

/** The fields that cost more than reading a value that is in memory, by `Type.field`. */
export const COSTS: Readonly<Record<string, Cost>> = {
  'Query.__schema': { own: 2000 },
  'Query.__type': { own: 50 },
  'Query.jobs': {
    // A row is read for each.
    own: (args) => 5 * rows(args),
    elements: (args) => rows(args),
  },
  'Query.auditLog': {
    // Without an index for what is asked for, all of the audit log is searched.
    own: (args) => 200 + 5 * rows(args),
    elements: (args) => rows(args),
  },
  'Query.nodes': { own: ({ ids }) => 10 * lengthOf(ids), elements: ({ ids }) => lengthOf(ids) },
  // Their use is looked up among the jobs that have not ended.
  'Query.images': { own: 100 },
  // Tokens are in memory, and there are as many as people and programs.
  'Query.tokens': { own: 500 },
  // As many as subjects are active.
  'Query.quotas': { own: 500 },
  // The sizes of its jobs are added up.
  'QuotaUse.storage': { own: 200 },
  'JobConnection.totalCount': { own: 200 },
  'JobConnection.totalCountIsExact': { own: 200 },
  'Job.isolation': { own: 10 },
  'Job.usage': { own: 10 },
  'Job.queue': { own: 10 },
  'Job.retryOf': { own: 10 },
  'Job.parent': { own: 10 },
  'Job.execs': { own: 500, elements: () => 100 },
  'Job.retriedBy': { own: 10 },
  // What was written since the last landmark of its index is counted.
  'Job.lineCount': { own: 20 },
  // A process is started in the cell for each.
  'Job.files': { own: ({ first }) => 100 + 10 * Math.max(0, number(first, DEFAULT_ENTRIES)) },
  'JobFiles.content': { own: ({ length }) => 100 + Math.ceil(pageBytes(length) / PAGE_BYTES) },
  'Job.logs': LOG_PAGE,
  // The whole log is read, once.
  'Job.receipt': { own: 100 },
  'RunJobPayload.logs': LOG_PAGE,
};

const MUTATION: Cost = { own: 20 };
const OTHER: Cost = {};

/**
 * The cost of an operation. Directives are ignored: what they leave out counts too.
 *
 * @param given the variables as they came
 */
export const operationCost = (
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  given: Readonly<Record<string, unknown>>,
): number => {
  const variables = leafVariables(schema, operation, given);
  const ofSelections = (type: unknown, { selections }: SelectionSetNode): number => {
    let cost = 0;
    for (const node of selections) {
      if (node.kind === Kind.FIELD) {
        if (!isObjectType(type)) {
          cost += 1 + (node.selectionSet ? ofSelections(undefined, node.selectionSet) : 0);
          continue;
        }
        const field = fieldOf(type, node.name.value);
        const { own = 1, elements = () => 1 } = costOf(type, node.name.value);
        const args = field === undefined ? {} : argumentsOf(field, node, variables);
        cost += typeof own === 'number' ? own : own(args);
        if (node.selectionSet && field !== undefined)
          cost += elements(args) * ofSelections(getNamedType(field.type), node.selectionSet);
      } else if (node.kind === Kind.INLINE_FRAGMENT) {
        const name = node.typeCondition?.name.value;
        cost += ofSelections(name === undefined ? type : schema.getType(name), node.selectionSet);
      } else {
        const fragment = fragments.get(node.name.value);
        if (fragment)
          cost += ofSelections(schema.getType(fragment.typeCondition.name.value), fragment.selectionSet);
      }
    }
    return cost;
  };
  return ofSelections(schema.getRootType(operation.operation), operation.selectionSet);
};

/** The names of fields whose cost depends on their arguments. */
const BY_ARGUMENTS: ReadonlySet<string> = new Set(
  Object.entries(COSTS).flatMap(([path, { own, elements }]) =>
    typeof own === 'function' || elements !== undefined ? [path.split('.')[1] ?? ''] : [],
  ),
);

/** Whether what a document costs may depend on its variables. */
export const costsByVariables = (document: DocumentNode): boolean => {
  let depends = false;
  visit(document, {
    Field(node) {
      if (BY_ARGUMENTS.has(node.name.value) && usesVariables(node)) depends = true;
    },
  });
  return depends;
};

/** Whether an argument of a field is a variable, or has one in it. */
export const usesVariables = ({ arguments: given = [] }: FieldNode): boolean => {
  let found = false;
  for (const argument of given)
    visit(argument, {
      Variable: () => {
        found = true;
      },
    });
  return found;
};

/** The variables that say how much is asked for. Inputs of mutations do not, and may be large. */
const leafVariables = (
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> => {
  const leaves = variableDefinitions.filter(({ type }) => {
    const named = typeFromAST(schema, type);
    return named !== undefined && isLeafType(getNamedType(named));
  });
  return getVariableValues(schema, leaves, given).coerced ?? {};
};

const costOf = ({ name }: GraphQLObjectType, field: string): Cost =>
  COSTS[`${name}.${field}`] ?? (name === 'Mutation' ? MUTATION : OTHER);

const fieldOf = (type: GraphQLObjectType, name: string): GraphQLField<unknown, unknown> | undefined => {
  if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
  if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
  return type.getFields()[name];
};

/** Invalid arguments are reported when the field is executed; here they count as missing. */
const argumentsOf = (
  field: GraphQLField<unknown, unknown>,
  node: Parameters<typeof getArgumentValues>[1],
  variables: Record<string, unknown>,
): Arguments => {
  try {
    return getArgumentValues(field, node, variables);
  } catch {
    return {};
  }
};

const rows = ({ first, last }: Arguments): number =>
  Math.min(MOST_ROWS, Math.max(1, number(first ?? last, DEFAULT_ROWS)));

/** A page that is larger than any may be is not read: its resolver refuses it, with the field at fault. */
const pageBytes = (asked: unknown): number => Math.min(LARGEST_PAGE_BYTES, number(asked, PAGE_BYTES));

const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : 1);

const number = (value: unknown, standard: number): number => (typeof value === 'number' ? value : standard);
