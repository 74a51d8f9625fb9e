/** What a server states about a job in its receipt. */

import { createHash } from 'node:crypto';
import { bytesOfText, isUnicode } from '../byte-text.ts';
import {
  type JobPredicate,
  PREDICATE_TYPE,
  type ReceiptArtifact,
  type ReceiptText,
  STATEMENT_TYPE,
  type Statement,
  type Subject,
} from '../receipts/statement.ts';
import { LOG_STREAMS, type LogDigests, type LogStream } from '../runtime/log/page.ts';
import { formatMode } from '../units.ts';
import { type Artifact, isTaken } from './artifact.ts';
import type { Isolation } from './cells.ts';
import type { Command, EnvVar, FinalState, InputFile, Job, WrittenInput } from './job.ts';

/** What is known of a job that has ended. */
export interface Observed {
  /** Of the server. */
  readonly version: string;
  readonly job: Job & { readonly state: FinalState };
  readonly command: Command;
  /** As it was asked for; `null`: the reader may not see it. */
  readonly env: readonly EnvVar[] | null;
  /** What was asked for, and what became of it; `null`: the reader may not see it. */
  readonly artifacts: readonly Artifact[] | null;
  /**
   * The SHA-256 of the standard input that was given at submission; `null`: there was none, or the reader may not see
   * it.
   */
  readonly stdinSha256: string | null;
  readonly isolation: Isolation | null;
  readonly log: LogDigests;
}

/** The statement of a receipt. The same observation gives the same one. */
export const receiptStatement = (observed: Observed): Statement => {
  const { version, job, command, env, artifacts, stdinSha256, isolation, log } = observed;
  const { id, owner, spec, state, createdAt } = job;
  const streams = LOG_STREAMS.filter((stream) => (stream === 'TERMINAL') === (spec.terminal !== null));
  const termination = 'termination' in state ? state.termination : null;
  const predicate: JobPredicate = {
    server: { version },
    job: {
      id,
      owner,
      name: spec.name,
      attempt: spec.attempt,
      retryOf: spec.retryOf,
      execOf: spec.execOf,
    },
    spec: {
      ...(command.kind === 'shell' ? { command: text(command.line) } : { argv: command.argv.map(text) }),
      image: { name: spec.image, digest: spec.imageDigest },
      env: env && {
        variables: env.map(({ name, secret = false }) => ({ name: text(name), secret })),
        digest: { sha256: envDigest(env) },
      },
      workdir: spec.workdir,
      user: spec.user,
      hostname: spec.hostname,
      stdinBytes: spec.stdinBytes,
      stdinDigest: stdinSha256 === null ? null : { sha256: stdinSha256 },
      files: env && spec.files.map(fileOf),
      openStdin: spec.openStdin,
      terminal: spec.terminal,
      network: spec.network,
      capabilities: spec.capabilities,
      limits: { ...spec.limits },
    },
    isolation,
    result: {
      status: state.status,
      exitCode: termination?.kind === 'exited' ? termination.code : null,
      signal: termination?.kind === 'signaled' ? termination.signal : null,
      limitExceeded: 'limit' in state ? state.limit : null,
      error: 'error' in state ? state.error : null,
      limitsHit: 'hits' in state ? state.hits : [],
      // As the environment: for those who may see the job itself.
      input: env && 'input' in state && state.input ? inputOf(state.input) : null,
    },
    times: {
      createdAt: createdAt.toISOString(),
      startedAt: ('startedAt' in state && state.startedAt?.toISOString()) || null,
      finishedAt: state.finishedAt.toISOString(),
    },
    artifacts: artifacts?.map(artifactOf) ?? null,
    log: {
      streams: Object.fromEntries(
        streams.map((stream) => [stream.toLowerCase(), { bytes: log[stream].bytes }]),
      ),
      complete: log.droppedBytes === 0 && log.damagedBytes === 0,
      droppedBytes: log.droppedBytes,
      damagedBytes: log.damagedBytes,
    },
  };
  return {
    _type: STATEMENT_TYPE,
    subject: [...streams.map((stream) => subjectOf(stream, log)), ...(artifacts ?? []).flatMap(taken)],
    predicateType: PREDICATE_TYPE,
    predicate,
  };
};

const subjectOf = (stream: LogStream, log: LogDigests): Subject => ({
  name: `log/${stream.toLowerCase()}`,
  digest: { sha256: log[stream].sha256 },
});

const taken = ({ name, result }: Artifact): readonly Subject[] =>
  isTaken(result) ? [{ name: `artifact/${name}`, digest: { sha256: result.sha256 } }] : [];

const artifactOf = ({ name, spec: { path }, result }: Artifact): ReceiptArtifact => {
  if (!isTaken(result)) return { name, path, error: result?.error ?? null };
  const { kind, sizeBytes, skipped } = result;
  return { name, path, kind, bytes: sizeBytes, skipped };
};

const inputOf = ({ bytes, sha256 }: WrittenInput) => ({ bytes, digest: { sha256 } });

const fileOf = ({ path, sha256, sizeBytes, mode }: InputFile) => ({
  path: text(path),
  sha256,
  bytes: sizeBytes,
  mode: formatMode(mode),
});

const text = (value: string): ReceiptText =>
  isUnicode(value) ? value : { base64: bytesOfText(value).toString('base64') };

/** The digest covers only the variables that are not secret, so that it reveals nothing about those that are. */
const envDigest = (env: readonly EnvVar[]): string => {
  const hash = createHash('sha256');
  for (const { name, value, secret } of env)
    if (secret !== true) hash.update(bytesOfText(name)).update('=').update(bytesOfText(value)).update('\0');
  return hash.digest('hex');
};
