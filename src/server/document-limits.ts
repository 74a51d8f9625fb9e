/** Bounds the size of documents: tokens, depth, aliases and fields. */
import {
  type ASTVisitor,
  type GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import { codedError } from '../resolvers/errors.ts';

/** Upper bounds for a document, far above what a client of this schema needs. */
export const DOCUMENT_LIMITS = {
  // Every error of a document scans its text to count lines.
  characters: 256 * 1024,
  lines: 10_000,
  tokens: 2000,
  depth: 12,
  aliases: 30,
  rootFields: 20,
  selections: 500,
} as const;

/**
 * Checks what a document is before it is parsed.
 *
 * @throws GraphQLError `DOCUMENT_TOO_LARGE`
 */
export const checkText = (text: string): void => {
  const { characters, lines } = DOCUMENT_LIMITS;
  const remedy = 'pass long values as variables';
  if (text.length > characters) throw tooLarge(`${characters} characters, got ${text.length}: ${remedy}`);
  const count = text.split(/\r\n|[\n\r]/, lines + 1).length;
  if (count > lines) throw tooLarge(`${lines} lines: ${remedy}`);
};

/** The introspection query of tools is nested deeper than any query for data. */
const INTROSPECTION_DEPTH = 24;

/**
 * A validation rule: rejects documents that are larger than any client needs, counted with fragments expanded.
 */
export const documentLimits = (context: ValidationContext): ASTVisitor => ({
  OperationDefinition({ selectionSet }) {
    const introspection = selectionSet.selections.every(
      (node) => node.kind === Kind.FIELD && node.name.value.startsWith('__'),
    );
    const depth = introspection ? INTROSPECTION_DEPTH : DOCUMENT_LIMITS.depth;
    const excess = new Counter(context, depth).excess(selectionSet);
    if (excess !== undefined) context.reportError(tooLarge(excess));
  },
});

const tooLarge = (most: string): GraphQLError =>
  codedError('DOCUMENT_TOO_LARGE', `document: expected at most ${most}`);

class Counter {
  readonly #context: ValidationContext;
  readonly #depth: number;
  #selections = 0;
  #aliases = 0;
  #rootFields = 0;
  #excess: string | undefined;

  constructor(context: ValidationContext, depth: number) {
    this.#context = context;
    this.#depth = depth;
  }

  /** The limit that was exceeded, as text for people, or `undefined`. */
  excess(selectionSet: SelectionSetNode): string | undefined {
    this.#count(selectionSet, 1, []);
    return this.#excess;
  }

  #count({ selections }: SelectionSetNode, depth: number, inside: readonly string[]): void {
    for (const node of selections) {
      // Spreads count as well: n fragments that each spread the next one twice have 2^n spreads without a single field.
      this.#selections += 1;
      if (node.kind === Kind.FIELD && node.alias !== undefined) this.#aliases += 1;
      if (node.kind === Kind.FIELD && depth === 1) this.#rootFields += 1;
      this.#excess ??= this.#passed(depth);
      if (this.#excess !== undefined) return;
      if (node.kind === Kind.FRAGMENT_SPREAD) {
        const { value: name } = node.name;
        const fragment = this.#context.getFragment(name);
        // Cycles are reported by another rule.
        if (fragment && !inside.includes(name)) this.#count(fragment.selectionSet, depth, [...inside, name]);
      } else if (node.selectionSet) {
        this.#count(node.selectionSet, node.kind === Kind.FIELD ? depth + 1 : depth, inside);
      }
    }
  }

  #passed(depth: number): string | undefined {
    if (depth > this.#depth) return `${this.#depth} levels of fields`;
    if (this.#aliases > DOCUMENT_LIMITS.aliases) return `${DOCUMENT_LIMITS.aliases} aliases`;
    if (this.#rootFields > DOCUMENT_LIMITS.rootFields) return `${DOCUMENT_LIMITS.rootFields} root fields`;
    if (this.#selections > DOCUMENT_LIMITS.selections)
      return `${DOCUMENT_LIMITS.selections} fields and fragments`;
    return undefined;
  }
}
