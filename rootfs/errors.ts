/** Errors of images. */

/** Why an image cannot be provided; the message is for the person who runs the server. */
export class ImageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImageError';
  }
}

/** A source did not deliver: another source or the fallback may be tried. Never used for wrong content. */
export class SourceUnavailable extends ImageError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceUnavailable';
  }
}

/** The most useful line of an error: of its cause, where the error itself is `fetch failed` or a list of attempts. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TypeError && error.cause !== undefined) return reasonOf(error.cause);
  return error.message;
};
