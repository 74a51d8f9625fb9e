/** The errors that end a command, with their exit codes. */

import { ConnectionLost } from '../client-api/errors.js';
import { inert } from './inert.ts';

/** Ends a command: the message is written to stderr, and the process exits with the code. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The server's refusal. */
export class ServerError extends CliError {
  override readonly name = 'ServerError';
  /** `extensions.code` of the first error. */
  readonly code: string | undefined;
  /** `extensions.field` of the first error: the path of the input that was refused. */
  readonly field: string | undefined;

  constructor(message: string, code?: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

export { ConnectionLost };

/** Our output can no longer be written. */
export class OutputLost extends CliError {
  override readonly name: string = 'OutputLost';
}

/** What a job is fed cannot be read to its end. */
export class InputLost extends CliError {
  override readonly name = 'InputLost';
}

/** The reader of our output has gone: `cloister logs ID | head -1`, or a terminal that was closed. */
export class BrokenPipe extends OutputLost {
  override readonly name = 'BrokenPipe';

  constructor() {
    // What a shell reports for a program that SIGPIPE (13) killed.
    super('the reader of the output has gone', 128 + 13);
  }
}

/**
 * An error of the network or the operating system, in words.
 *
 * @param place the URL or the socket of the server
 */
export const unreachable = (place: string, cause: unknown, established: boolean): ConnectionLost => {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = REASONS[code] ?? (cause instanceof Error && cause.message !== '' ? cause.message : code);
  const remedy =
    code === 'ECONNREFUSED' || code === 'ENOENT' ? '. Is the server running? "cloister serve" starts it' : '';
  return new ConnectionLost(`cannot reach ${place}: ${inert(reason)}${remedy}`, established, { cause });
};

const UNTRUSTED =
  'the certificate of the server is not signed by a trusted authority: --ca names the one that has';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOENT: 'no such socket',
  EPIPE: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'timed out',
  EHOSTUNREACH: 'no route to the host',
  CERT_HAS_EXPIRED: 'the certificate of the server has expired',
  CERT_NOT_YET_VALID: 'the certificate of the server is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS: the URL has to begin with http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS: the URL has to begin with http',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server wants TLS 1.3',
};
