/**
 * The errors that end a command, with their exit codes. Every command throws CliError, also for what the server
 * refuses, and ConnectionLost when it cannot reach the server; docstrings name only further reasons.
 */

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

/** The standard input for a job cannot be read to its end. */
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
  const message = cause instanceof Error ? cause.message : '';
  const reason = REASONS[code] ?? tlsReason(code, message) ?? (message === '' ? code : message);
  const remedy = remedyOf(code, place, established);
  return new ConnectionLost(`cannot reach ${place}: ${inert(reason)}${remedy}`, established, { cause });
};

const remedyOf = (code: string, place: string, established: boolean): string => {
  if (code === 'ECONNREFUSED' || code === 'ENOENT')
    return '. Is the server running? "cloister serve" starts it';
  // A server that expects a TLS handshake does this.
  return code === 'ECONNRESET' && !established && place.startsWith('http:')
    ? '. If the server speaks TLS, the URL has to begin with https'
    : '';
};

/**
 * Explains what OpenSSL reports in one line with its source location: `write EPROTO ...:SSL
 * routines:FUNCTION:REASON:FILE:...`.
 */
const tlsReason = (code: string, message: string): string | undefined => {
  const said = code === 'EPROTO' ? /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] : undefined;
  if (said === undefined) return undefined;
  return REASONS[`ERR_SSL_${said.toUpperCase().replaceAll(' ', '_')}`] ?? `TLS: ${said}`;
};

const UNTRUSTED =
  'the certificate of the server is not signed by a trusted authority: --ca names the one that has';

const NO_TLS = 'the server does not speak TLS: the URL has to begin with http:';

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
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server wants TLS 1.3',
};
