/** Documents that were parsed already, within bounds that no client can make them exceed. */
import type { DocumentNode } from 'graphql';

/** Characters of one document that is kept; those of consoles and of the command line have a few thousand. */
const LONGEST_CHARACTERS = 16 * 1024;
/** Characters of all. A syntax tree takes at most some 250 bytes for each. */
const MOST_CHARACTERS = 128 * 1024;

/** Keeps the documents that were used last. Its memory is bounded by their sizes, not by their number. */
export class DocumentCache {
  /** The one that was used last comes last. */
  readonly #documents = new Map<string, DocumentNode>();
  readonly #valid = new WeakSet<DocumentNode>();
  #characters = 0;

  /** The document that a text was parsed to; `undefined` when it is not kept. */
  get(text: string): DocumentNode | undefined {
    const document = this.#documents.get(text);
    if (document === undefined) return undefined;
    this.#documents.delete(text);
    this.#documents.set(text, document);
    return document;
  }

  /** Records that a document is valid in the schema and within all limits of documents. */
  approve(document: DocumentNode): void {
    this.#valid.add(document);
  }

  /** The document that a text was parsed to, if it is kept and was found valid. */
  valid(text: string): DocumentNode | undefined {
    const document = this.get(text);
    return document !== undefined && this.#valid.has(document) ? document : undefined;
  }

  /** Keeps a document, unless its text is too long. */
  set(text: string, document: DocumentNode): void {
    if (text.length > LONGEST_CHARACTERS || this.#documents.has(text)) return;
    this.#documents.set(text, document);
    this.#characters += text.length;
    for (const oldest of this.#documents.keys()) {
      if (this.#characters <= MOST_CHARACTERS) return;
      this.#documents.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

/** Keeps nothing: refused documents are refused again, and text that cannot be parsed may have any size. */
export const NO_CACHE = { get: () => undefined, set: () => undefined } as const;
