/**
 * What a receipt says: a statement of in-toto, version 1 (github.com/in-toto/attestation), with a predicate of ours. What
 * it claims and what not is described in docs/receipts.md.
 */

/** The media type of the payload. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** Changes when a field is removed or changes its meaning; fields may be added at any time. */
export const PREDICATE_TYPE = 'urn:cloister:job-receipt:v1';

/** Bytes that the statement is about. */
export interface Subject {
  /**
   * `log/stdout`, `log/stderr`, `log/terminal`: the output of the job on that stream, as far as it was kept.
   * `artifact/NAME`: an artifact.
   */
  readonly name: string;
  /** In hexadecimal. */
  readonly digest: { readonly sha256: string };
}

/** A text of a command; in base64 if it is not UTF-8. */
export type ReceiptText = string | { readonly base64: string };

/** What became of a file or folder that was to be kept. */
export type ReceiptArtifact =
  | {
      readonly name: string;
      /** The path in the cell. */
      readonly path: string;
      /** Why it was not kept; `null`: it was not looked for. */
      readonly error: string | null;
    }
  | {
      readonly name: string;
      readonly path: string;
      /** `FILE`, or `ARCHIVE` for a tar of a folder or of what matches a pattern. */
      readonly kind: string;
      readonly bytes: number;
      /** How many entries were left out of an archive. */
      readonly skipped: number;
    };

/** What a server has observed of a job. Sizes in bytes, times in RFC 3339. */
export interface JobPredicate {
  /** The server that made the receipt. */
  readonly server: { readonly version: string };
  readonly job: {
    readonly id: string;
    readonly owner: string;
    readonly name: string | null;
    readonly attempt: number;
    /** The job of the first attempt. */
    readonly retryOf: string | null;
    /** The job in whose cell it ran. */
    readonly execOf: string | null;
  };
  readonly spec: {
    /** Exactly one of `command` and `argv` is there. */
    readonly command?: ReceiptText;
    readonly argv?: readonly ReceiptText[];
    readonly image: { readonly name: string; readonly digest: string | null };
    /** `null`: left out, for a reader who may not see it. */
    readonly env: {
      /** As given at submission, in that order. */
      readonly variables: readonly { readonly name: ReceiptText; readonly secret: boolean }[];
      /** The digest of `NAME=VALUE` and a NUL byte for each variable that is not secret, in that order. */
      readonly digest: { readonly sha256: string };
    } | null;
    readonly workdir: string | null;
    readonly user: string | null;
    readonly hostname: string | null;
    /** Bytes of standard input given at submission; `null`: none were. */
    readonly stdinBytes: number | null;
    /** `null`: none was given, it is no longer kept, or it is left out for a reader who may not see it. */
    readonly stdinDigest: { readonly sha256: string } | null;
    /** The files that were put into the cell at its start; `null`: left out, for a reader who may not see them. */
    readonly files:
      | readonly {
          readonly path: ReceiptText;
          readonly sha256: string;
          readonly bytes: number;
          /** Octal, such as `0644`. */
          readonly mode: string;
        }[]
      | null;
    /** Whether clients could write to standard input while the job ran: see `result.input`. */
    readonly openStdin: boolean;
    readonly terminal: { readonly rows: number; readonly columns: number } | null;
    readonly network: string;
    readonly capabilities: string;
    /** In effect, defaults included. */
    readonly limits: Readonly<Record<string, unknown>>;
  };
  /** As the kernel reported it once the command had been executed; `null`: it never was, or that was not recorded. */
  readonly isolation: object | null;
  readonly result: {
    readonly status: string;
    readonly exitCode: number | null;
    readonly signal: string | null;
    /** The limit that ended it. */
    readonly limitExceeded: string | null;
    readonly error: string | null;
    /** Limits that it ran into, with the counters of the kernel. */
    readonly limitsHit: readonly object[];
    /**
     * What clients wrote to an open standard input, after what was given at submission; `null`: there was none, it was
     * that of a terminal, it was not recorded, or left out, for a reader who may not see it.
     */
    readonly input: { readonly bytes: number; readonly digest: { readonly sha256: string } } | null;
  };
  readonly times: {
    readonly createdAt: string;
    readonly startedAt: string | null;
    readonly finishedAt: string;
  };
  /** The artifacts in the order in which they were asked for; `null`: left out, for a reader who may not see them. */
  readonly artifacts: readonly ReceiptArtifact[] | null;
  readonly log: {
    /** The streams that the subjects are digests of, by name in lower case. */
    readonly streams: Readonly<Record<string, { readonly bytes: number }>>;
    /** Whether the streams are all that the job wrote: nothing was dropped, and nothing is damaged. */
    readonly complete: boolean;
    /** Bytes that were written but not kept: beyond the limit, or because the disk was full. */
    readonly droppedBytes: number;
    /** Bytes of the stored log that can no longer be read. */
    readonly damagedBytes: number;
  };
}

/** What a receipt states: an in-toto statement, version 1, whose predicate is about a job. */
export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: JobPredicate;
}

/** The bytes of a statement that are signed. */
export const encodeStatement = (statement: Statement): Buffer => Buffer.from(JSON.stringify(statement));

/** A payload that is not a statement about a job. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
}

/**
 * Parses the bytes of `encodeStatement`.
 *
 * @param payload signed by a trusted key, so that only its type and what `verify` needs of it are checked
 * @throws StatementError
 */
export const parseStatement = (payload: Buffer): Statement => {
  let value: Partial<Statement> | null;
  try {
    value = JSON.parse(payload.toString()) as Partial<Statement> | null;
  } catch (error) {
    throw new StatementError(`payload: expected JSON (${error instanceof Error ? error.message : error})`);
  }
  for (const [name, expected] of [
    ['_type', STATEMENT_TYPE],
    ['predicateType', PREDICATE_TYPE],
  ] as const)
    if (value?.[name] !== expected)
      throw new StatementError(
        `${name}: expected ${expected}, got ${JSON.stringify(value?.[name]) ?? 'nothing'}`,
      );
  const { subject, predicate } = value ?? {};
  const isSubject = (one: Partial<Subject> | null): boolean =>
    typeof one?.name === 'string' && /^[0-9a-f]{64}$/.test(String(one.digest?.sha256));
  if (!Array.isArray(subject) || !subject.every(isSubject))
    throw new StatementError('subject: expected names and SHA-256 digests');
  if (typeof predicate?.job?.id !== 'string' || typeof predicate.result?.status !== 'string')
    throw new StatementError('predicate: expected what is known of a job');
  return value as Statement;
};
