import { type ASTVisitor, GraphQLError, Kind, type SelectionSetNode, type ValidationContext } from 'graphql';

/** What a document may hold at most. Far above what a client of this schema needs. */
export const DOCUMENT_LIMITS = { tokens: 2000, depth: 14, fields: 500, rootFields: 20 } as const;

/**
 * A validation rule: refuses documents that would cost more than any client needs, counted with fragments
 * spread out. It stops counting as soon as a limit is passed.
 */
export const documentLimits = (context: ValidationContext): ASTVisitor => {
  const refuse = (what: string, most: number): void => {
    context.reportError(
      new GraphQLError(`document: expected at most ${most} ${what}`, {
        extensions: { code: 'DOCUMENT_TOO_LARGE' },
      }),
    );
  };
  return {
    OperationDefinition(operation) {
      // Introspection of GraphiQL nests deeper than any query of data.
      const introspection = operation.selectionSet.selections.every(
        (node) => node.kind === Kind.FIELD && node.name.value.startsWith('__'),
      );
      const counter = new Counter(context, introspection ? DOCUMENT_LIMITS.depth * 2 : DOCUMENT_LIMITS.depth);
      if (operation.selectionSet.selections.length > DOCUMENT_LIMITS.rootFields)
        refuse('root fields', DOCUMENT_LIMITS.rootFields);
      counter.count(operation.selectionSet, 1, new Set());
      if (counter.tooDeep) refuse('levels of fields', DOCUMENT_LIMITS.depth);
      if (counter.fields > DOCUMENT_LIMITS.fields) refuse('fields', DOCUMENT_LIMITS.fields);
    },
  };
};

class Counter {
  fields = 0;
  tooDeep = false;
  readonly #context: ValidationContext;
  readonly #depth: number;

  constructor(context: ValidationContext, depth: number) {
    this.#context = context;
    this.#depth = depth;
  }

  count(selections: SelectionSetNode, depth: number, inside: ReadonlySet<string>): void {
    if (depth > this.#depth) this.tooDeep = true;
    for (const node of selections.selections) {
      if (this.tooDeep || this.fields > DOCUMENT_LIMITS.fields) return;
      if (node.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = this.#context.getFragment(node.name.value);
        // A cycle is another rule's to report.
        if (fragment && !inside.has(node.name.value))
          this.count(fragment.selectionSet, depth, new Set([...inside, node.name.value]));
        continue;
      }
      if (node.kind === Kind.FIELD) this.fields++;
      if (node.selectionSet)
        this.count(node.selectionSet, depth + (node.kind === Kind.FIELD ? 1 : 0), inside);
    }
  }
}
