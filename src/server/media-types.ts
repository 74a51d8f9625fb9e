/** What media types of an answer a request accepts (RFC 9110, sections 8.3.1 and 12.5.1). */

/** An answer of one result after the other. */
export const STREAM: readonly string[] = ['text/event-stream'];
/** An answer of a single result. */
export const JSON_ANSWERS: readonly string[] = ['application/graphql-response+json', 'application/json'];
/** All that GraphQL is answered in. */
export const ANSWERS: readonly string[] = [...JSON_ANSWERS, ...STREAM];

/**
 * The media ranges of an Accept header in lower case and without their parameters, those with the weight 0 left out.
 *
 * @param accept without it everything is accepted
 */
export const mediaRanges = (accept: string | null | undefined): readonly string[] => {
  if (accept === null || accept === undefined || accept.trim() === '') return ['*/*'];
  return accept
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((piece) => piece.trim()))
    .filter(
      ([range = '', ...parameters]) =>
        range !== '' && !parameters.some((piece) => /^q=0(?:\.0*)?$/.test(piece)),
    )
    .map(([range = '']) => range);
};

/** Whether one of the types lies within one of the ranges. */
export const accepts = (ranges: readonly string[], types: readonly string[]): boolean =>
  ranges.some((range) => types.some((type) => range === '*/*' || range === type || range === anyOf(type)));

const anyOf = (type: string): string => `${type.split('/')[0]}/*`;

/** The types as the end of "expected ...". */
export const listed = (types: readonly string[]): string => types.join(' or ');
