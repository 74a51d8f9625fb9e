/** Events of subscriptions that were serialized already, because all subscribers receive the same. */

import type { ExecutionResult } from 'graphql';
import type { SharedText } from './text-frames.ts';

/** A result that is sent as text. Reading its data parses the text. */
class TextResult {
  readonly text: SharedText;

  constructor(text: SharedText) {
    this.text = text;
  }

  get data(): Readonly<Record<string, unknown>> {
    return (JSON.parse(this.text.text) as { data: Readonly<Record<string, unknown>> }).data;
  }
}

/** The result that a text represents. */
export const withText = (text: SharedText): ExecutionResult => new TextResult(text);

/** The text of a result, if it has one. */
export const textOf = (result: ExecutionResult): SharedText | undefined =>
  result instanceof TextResult ? result.text : undefined;
