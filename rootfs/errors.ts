/** What stands in the way of an image, in words for the person who runs the server. */
export class ImageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImageError';
  }
}

/** A source did not deliver: another source, or the fallback, may be tried. Never used for wrong content. */
export class SourceUnavailable extends ImageError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceUnavailable';
  }
}

/** The most telling line of an error, looking through `fetch failed` and lists of attempts at its causes. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TypeError && error.cause !== undefined) return reasonOf(error.cause);
  return error.message;
};
