/** Records the use of a service in the audit log. */

import type { ImageService } from '../jobs/images.ts';
import type { EnvVarRequest, Identity } from '../jobs/service.ts';
import type { ArtifactReaders } from './artifact-readers.ts';
import type { Audit, AuditAction, AuditSubject } from './audit.ts';
import type { AuthorizedFiles } from './authorized-files.ts';
import type { AuthorizedJobs } from './authorized-jobs.ts';
import type { Quotas } from './quotas.ts';
import type { Tokens } from './tokens.ts';

/**
 * What is recorded of each method of a service, computed from its parameters after the caller and its result; without a
 * result it has failed. `null`: it only reads. A new method does not compile without a decision.
 */
type Decisions<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends (
    identity: Identity,
    ...more: infer Parameters
  ) => Promise<infer Result>
    ? Recorded<Parameters, Result> | null
    : null;
};

interface Recorded<Parameters, Result> {
  readonly action: AuditAction;
  readonly about: (parameters: Parameters, result?: Result) => AuditSubject;
  /** The parameters with which the method calls `done` in the transaction that does what is recorded. */
  readonly together?: (parameters: Parameters, done: (result: Result) => void) => Parameters;
}

const secretsIn = (env: readonly EnvVarRequest[] = []): number => env.filter(({ secret }) => secret).length;

const OF_JOBS: Decisions<AuthorizedJobs> = {
  submit: {
    action: 'SUBMIT_JOB',
    about: ([{ env }], job) => ({ jobId: job?.id, secrets: secretsIn(env) }),
    together: ([request, malformed = []], done) => [request, malformed, done],
  },
  exec: {
    action: 'EXEC_IN_JOB',
    about: ([jobId, { env }], job) => ({ jobId, target: job?.id, secrets: secretsIn(env) }),
  },
  writeStdin: { action: 'WRITE_STDIN', about: ([jobId]) => ({ jobId }) },
  resizeTerminal: { action: 'RESIZE_TERMINAL', about: ([jobId]) => ({ jobId }) },
  readFile: { action: 'READ_FILE', about: ([jobId]) => ({ jobId }) },
  writeFile: { action: 'WRITE_FILE', about: ([jobId]) => ({ jobId }) },
  stop: { action: 'STOP_JOB', about: ([jobId]) => ({ jobId }) },
  pause: { action: 'PAUSE_JOB', about: ([jobId]) => ({ jobId }) },
  resume: { action: 'RESUME_JOB', about: ([jobId]) => ({ jobId }) },
  signal: { action: 'SIGNAL_JOB', about: ([jobId]) => ({ jobId }) },
  delete: { action: 'DELETE_JOB', about: ([jobId]) => ({ jobId }) },
  pin: { action: 'PIN_JOB', about: ([jobId]) => ({ jobId }) },
  saveImage: { action: 'SAVE_IMAGE', about: ([jobId, target]) => ({ jobId, target }) },
  share: { action: 'SHARE_JOB', about: ([jobId], made) => ({ jobId, target: made?.share.id }) },
  revokeShare: { action: 'REVOKE_SHARE', about: ([target], share) => ({ jobId: share?.jobId, target }) },
  activeSubjects: null,
  artifacts: null,
  command: null,
  complete: null,
  close: null,
  count: null,
  total: null,
  env: null,
  events: null,
  followLog: null,
  followUsage: null,
  get: null,
  inputFile: null,
  inUse: null,
  info: null,
  isolation: null,
  lineCount: null,
  list: null,
  // Who may see them may run any command there.
  listFiles: null,
  // Recorded when they are read over HTTP: OF_ARTIFACTS.
  openArtifact: null,
  queuePlace: null,
  readLog: null,
  receipt: null,
  receiptKeys: null,
  shares: null,
  stdin: null,
  storedBytes: null,
  usage: null,
  wait: null,
  watch: null,
};

const OF_ARTIFACTS: Decisions<ArtifactReaders> = {
  byCaller: { action: 'DOWNLOAD_ARTIFACT', about: ([jobId, target]) => ({ jobId, target }) },
  byLink: { action: 'DOWNLOAD_ARTIFACT', about: ([{ jobId, name }]) => ({ jobId, target: name }) },
  openLink: null,
};

const OF_FILES: Decisions<AuthorizedFiles> = {
  createLink: { action: 'CREATE_UPLOAD', about: (_request, link) => ({ target: link?.ticket.id }) },
  receive: {
    action: 'UPLOAD_FILE',
    about: ([{ sha256 }], uploaded) => ({
      target: uploaded?.kind === 'complete' ? uploaded.content.sha256 : sha256,
    }),
  },
  receiveByLink: { action: 'UPLOAD_FILE', about: ([{ id }]) => ({ target: id }) },
  bytesOf: null,
  find: null,
  findByLink: null,
  openLink: null,
};

const OF_IMAGES: Decisions<ImageService> = {
  import: { action: 'IMPORT_IMAGE', about: ([{ name }]) => ({ target: name }) },
  // Nothing if it failed: a malformed reference could be anything, such as a password.
  pull: { action: 'PULL_IMAGE', about: (_request, image) => ({ target: image?.name }) },
  delete: { action: 'DELETE_IMAGE', about: ([name]) => ({ target: name }) },
  follow: null,
  list: null,
  ownerOf: null,
  sharedNames: null,
};

const OF_TOKENS: Decisions<Tokens> = {
  create: { action: 'CREATE_TOKEN', about: (_request, made) => ({ target: made?.token.id }) },
  revoke: { action: 'REVOKE_TOKEN', about: ([target]) => ({ target }) },
  rotateAdmin: { action: 'ROTATE_ADMIN_TOKEN', about: () => ({}) },
  close: null,
  identify: null,
  list: null,
  of: null,
};

const OF_QUOTAS: Decisions<Quotas> = {
  set: { action: 'SET_QUOTA', about: ([{ subject }]) => ({ target: subject }) },
  list: null,
  of: null,
  onChange: null,
  own: null,
};

/** The job service of callers, which records every submission and every control of a job. */
export const auditedJobs = (jobs: AuthorizedJobs, audit: Audit): AuthorizedJobs =>
  audited(jobs, OF_JOBS, audit);

/** The readers of artifacts over HTTP, which record every download. */
export const auditedArtifacts = (readers: ArtifactReaders, audit: Audit): ArtifactReaders =>
  audited(readers, OF_ARTIFACTS, audit);

/** The files of jobs, which record every upload and every link to upload. */
export const auditedFiles = (files: AuthorizedFiles, audit: Audit): AuthorizedFiles =>
  audited(files, OF_FILES, audit);

/** The service of images, which records every change. */
export const auditedImages = <T extends ImageService>(images: T, audit: Audit): T =>
  audited(images, OF_IMAGES, audit);

/** Tokens, which record every change. */
export const auditedTokens = (tokens: Tokens, audit: Audit): Tokens => audited(tokens, OF_TOKENS, audit);

/** Quotas, which record every change. */
export const auditedQuotas = (quotas: Quotas, audit: Audit): Quotas => audited(quotas, OF_QUOTAS, audit);

type Method = (identity: Identity, ...more: readonly unknown[]) => Promise<unknown>;

/** The same object, which also records what was decided. The other methods are unchanged, private state included. */
const audited = <T extends object>(target: T, decisions: object, audit: Audit): T => {
  const all = decisions as Readonly<Record<string, Recorded<readonly unknown[], unknown> | null>>;
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object);
      if (typeof member !== 'function') return member;
      const method = member.bind(object) as Method;
      const decision = all[String(name)];
      if (decision === undefined || decision === null) return method;
      const { action, about, together = (parameters) => parameters } = decision;
      return (identity: Identity, ...more: readonly unknown[]) =>
        audit.record(
          identity,
          action,
          (done) => method(identity, ...together(more, done)),
          (result) => about(more, result),
        );
    },
  });
};
