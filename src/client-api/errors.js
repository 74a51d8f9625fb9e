/** What can go wrong between a client and the server. */

/** @import { GraphQLErrorObject } from './types.d.ts' */

/** The server refused a request. */
export class RequestRefused extends Error {
  /** @override @type {'RequestRefused'} */
  name = 'RequestRefused';
  /** @readonly @type {readonly GraphQLErrorObject[]} */
  errors;
  /** @readonly @type {string | undefined} `extensions.code` of the first error */
  code;

  /** @param {readonly GraphQLErrorObject[]} errors of the answer */
  constructor(errors) {
    super(errors.map(({ message }) => message).join('; ') || 'the server failed without a message');
    this.errors = errors;
    this.code = errors[0]?.extensions?.code;
  }
}

/** The connection to the server broke, or could not be made. */
export class ConnectionLost extends Error {
  /** @override @type {'ConnectionLost'} */
  name = 'ConnectionLost';
  /** @readonly @type {boolean} whether the server had been reached */
  established;

  /**
   * @param {string} message
   * @param {boolean} established
   * @param {ErrorOptions} [options]
   */
  constructor(message, established, options) {
    super(message, options);
    this.established = established;
  }
}

/**
 * The errors of an answer as one error. A server that shuts down has not refused anything: it is worth coming back.
 *
 * @param {readonly GraphQLErrorObject[]} errors
 * @returns {RequestRefused | ConnectionLost}
 */
export const errorOf = (errors) => {
  const refused = new RequestRefused(errors);
  return refused.code === 'SHUTTING_DOWN' ? new ConnectionLost(refused.message, true) : refused;
};

/**
 * `errorOf` for a stream that has begun: a server that does not accept its client any more may accept it again, with a
 * new token.
 *
 * @param {readonly GraphQLErrorObject[]} errors
 * @returns {RequestRefused | ConnectionLost}
 */
export const errorWithin = (errors) => {
  const refused = errorOf(errors);
  return refused instanceof RequestRefused && refused.code === 'UNAUTHENTICATED'
    ? new ConnectionLost(refused.message, true)
    : refused;
};
