/** Who may see each field of the schema. */

/**
 * - `JOB`: a part of a job, and reached only through one that the caller can see
 * - `OTHER_JOB`: leads from one job to another, which the job service looks up for the caller
 * - `JOBS`: of many jobs, those that the caller can see
 * - `ANYONE`: the same for every caller, and of no job
 * - `CALLER`: about the caller itself
 * - `IMAGE`: of an image, which the caller can see
 * - `AUDIT`: of the audit log, which an ADMIN sees
 * - `QUOTA`: of the quotas of a subject, which an ADMIN sees, and the subject itself
 * - `TOKEN`: of a token, which an ADMIN sees, and who uses it
 */
type Decision = 'JOB' | 'OTHER_JOB' | 'JOBS' | 'ANYONE' | 'CALLER' | 'IMAGE' | 'TOKEN' | 'QUOTA' | 'AUDIT';

const all = (decision: Decision, fields: string): Readonly<Record<string, Decision>> =>
  Object.fromEntries(fields.split(' ').map((field) => [field, decision]));

/** Every field of every object type, those of the operations apart. */
export const DECISIONS: Readonly<Record<string, Readonly<Record<string, Decision>>>> = {
  Artifact: all('JOB', 'entries error kind mode name optional path sha256 size skipped url'),
  AuditConnection: all('AUDIT', 'edges nodes pageInfo'),
  AuditEdge: all('AUDIT', 'cursor node'),
  AuditEntry: all('AUDIT', 'action address id job outcome secrets subject target time token userAgent'),
  CapabilitySets: all('JOB', 'ambient bounding effective inheritable permitted'),
  CellNamespace: all('JOB', 'inode kind shared'),
  CgroupEvidence: all('JOB', 'file key value'),
  CgroupFile: all('JOB', 'name value'),
  // A link to upload, and whether its caller has uploaded the content before.
  CreateUploadPayload: all('CALLER', 'expiresAt file present url'),
  CreateTokenPayload: all('TOKEN', 'secret token'),
  DeleteImagePayload: all('IMAGE', 'name'),
  DeleteJobPayload: all('JOB', 'job'),
  EnvVar: all('JOB', 'name secret value valueBytes'),
  ExecInJobPayload: all('JOB', 'job'),
  FileContent: all('JOB', 'bytes endOfFile offset text'),
  FilePageInfo: all('JOB', 'endCursor hasNextPage'),
  IdRange: all('JOB', 'count inside outside'),
  Image: all(
    'IMAGE',
    'builtIn command createdAt digest env inUse layers name owner size skipped source user workdir',
  ),
  ImageProgress: all('IMAGE', 'layers name phase received total unpacked'),
  IoLimit: all('JOB', 'device readBps readIops writeBps writeIops'),
  Isolation: all('JOB', 'capabilities cgroup gid gidMap namespaces noNewPrivileges seccomp uid uidMap'),
  Job: {
    ...all(
      'JOB',
      'argv argvBytes attempt capabilities command commandBytes createdAt env error exitCode finishedAt hostname id',
    ),
    ...all(
      'JOB',
      'image imageDigest inputFiles isolation keepRoot labels limitExceeded limits limitsHit lineCount logs name network openStdin output owner pausedAt',
    ),
    ...all(
      'JOB',
      'pinned priority receipt retries signal startAfter startedAt status stdin stdinBytes stopScope stopSignal terminal usage user workdir',
    ),
    // The files are for those who may control the job.
    ...all('JOB', 'artifacts files shares'),
    ...all('OTHER_JOB', 'execs parent queue retriedBy retryOf'),
  },
  JobCgroup: all('JOB', 'files path'),
  JobConnection: all('JOBS', 'edges nodes pageInfo totalCount totalCountIsExact'),
  JobEdge: all('JOB', 'cursor node'),
  JobEvent: all('JOB', 'cursor job status time'),
  JobFile: all('JOB', 'gid mode modifiedAt name nameBytes size target targetBytes type uid'),
  JobFiles: all('JOB', 'content file nodes pageInfo'),
  JobInputFile: all('JOB', 'bytes file mode path sha256 size text'),
  JobOutput: all('JOB', 'dropped kept'),
  Label: all('JOB', 'key value'),
  LimitHit: all('JOB', 'ended evidence limit message peak unit value'),
  Limits: {
    ...all('JOB', 'cpuTime cpuWeight cpus cpuset disk inodes io memory memoryHigh output outputPolicy'),
    ...all('JOB', 'pids swap timeout'),
  },
  LogBatch: all('JOB', 'cursor damagedBytes droppedBytes endOfLog entries'),
  LogEntry: all('JOB', 'bytes cursor matched resized stream text time'),
  PageInfo: all('JOBS', 'endCursor hasNextPage hasPreviousPage startCursor'),
  PauseJobPayload: all('JOB', 'job'),
  PinJobPayload: all('JOB', 'job'),
  Pressure: all('JOB', 'full some'),
  Pressures: all('JOB', 'cpu io memory'),
  Quota: {
    ...all('QUOTA', 'connections cpus files memory overrides queuedJobs runningJobs storage subject'),
    ...all('QUOTA', 'inUse submissionsPerMinute subscriptions'),
  },
  QuotaUse: {
    ...all('QUOTA', 'connections cpus files memory queuedJobs runningJobs storage'),
    ...all('QUOTA', 'submissionsPerMinute subscriptions'),
  },
  PullImagePayload: all('IMAGE', 'image'),
  QueuePlace: all('OTHER_JOB', 'position reason'),
  Receipt: all('JOB', 'envelope keyId'),
  ReceiptKey: all('ANYONE', 'current keyId publicKey'),
  ResizeTerminalPayload: all('JOB', 'job'),
  ResumeJobPayload: all('JOB', 'job'),
  Retries: all('JOB', 'backoff limit'),
  RevokeSharePayload: all('JOB', 'share'),
  RevokeTokenPayload: all('TOKEN', 'token'),
  RotateAdminTokenPayload: all('TOKEN', 'secret'),
  RunJobPayload: all('JOB', 'finished job logs'),
  SaveImagePayload: all('IMAGE', 'image'),
  Server: { ...all('ANYONE', 'cgroup eventCursor images startedAt version'), ...all('JOBS', 'jobs') },
  ServerCgroup: all('ANYONE', 'controllers path'),
  ServerJobs: all('JOBS', 'queued running'),
  SetQuotaPayload: all('QUOTA', 'quota'),
  Share: all('JOB', 'createdAt createdBy expiresAt id revokedAt'),
  ShareJobPayload: all('JOB', 'share url'),
  SignalJobPayload: all('JOB', 'job'),
  SkippedEntries: all('IMAGE', 'count paths'),
  StopJobPayload: all('JOB', 'job'),
  SubmitJobPayload: all('JOB', 'job'),
  TerminalSize: all('JOB', 'columns rows'),
  Token: all('TOKEN', 'createdAt expiresAt id lastUsedAt name revokedAt role subject'),
  Usage: {
    ...all('JOB', 'cpuTime forksRefused ioRead ioReadOperations ioWriteOperations ioWritten memoryCurrent'),
    ...all('JOB', 'memoryPeak oomKills pidsPeak pressure systemTime throttledTime userTime'),
  },
  WriteFilePayload: all('JOB', 'file job'),
  WriteStdinPayload: all('JOB', 'accepted job offset'),
  Viewer: all('CALLER', 'method quota role subject token'),
};

/** What an operation does, and so who may do it. */
export type Operation =
  /** It names a job: somebody else's is none, and a VIEWER changes none of its own. */
  | { readonly kind: 'job'; readonly changes: boolean; readonly document: string }
  /** It is the first step to a job: no VIEWER does that. */
  | { readonly kind: 'upload'; readonly document: string }
  /** It makes a job: no VIEWER does. */
  | { readonly kind: 'submit'; readonly document: string }
  /** It shows many jobs: those that the caller can see. */
  | { readonly kind: 'jobs' }
  /** It shows images, or changes one: those that the caller can see. */
  | { readonly kind: 'image' }
  /** It names a link to a job: that of somebody else's is none. */
  | { readonly kind: 'share'; readonly document: string }
  /** It is for an ADMIN. */
  | { readonly kind: 'admin'; readonly document: string }
  /** It says the same to everybody who has signed in. */
  | { readonly kind: 'same'; readonly document: string }
  /** It says something about the caller. */
  | { readonly kind: 'anyone'; readonly document: string };

const change = (name: string, type: string, more = ''): Operation => ({
  kind: 'job',
  changes: true,
  document: `mutation ($id: ID!) { ${name}(input: { jobId: $id${more} }) { job { id ${type} } } }`,
});
const read = (document: string): Operation => ({ kind: 'job', changes: false, document });

/** Every field of `Query`, `Mutation` and `Subscription`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'Query.job': read('query ($id: ID!) { job(id: $id) { JOB } }'),
  'Query.node': read('query ($id: ID!) { node(id: $id) { id ... on Job { JOB } } }'),
  'Query.nodes': read('query ($id: ID!) { nodes(ids: [$id, $id]) { id ... on Job { JOB } } }'),
  'Query.jobs': { kind: 'jobs' },
  'Query.server': { kind: 'jobs' },
  'Query.images': { kind: 'image' },
  'Query.viewer': { kind: 'anyone', document: '{ viewer { subject role method token { name subject } } }' },
  'Query.receiptKeys': { kind: 'same', document: '{ receiptKeys { keyId publicKey current } }' },
  'Query.auditLog': { kind: 'admin', document: '{ auditLog(first: 5) { nodes { action } } }' },
  'Query.quotas': { kind: 'admin', document: '{ quotas { subject runningJobs } }' },
  'Mutation.setQuota': {
    kind: 'admin',
    document: 'mutation { setQuota(input: { subject: "bob", runningJobs: 1 }) { quota { subject } } }',
  },
  'Query.tokens': { kind: 'admin', document: '{ tokens { name subject } }' },
  'Mutation.deleteImage': { kind: 'image' },
  'Mutation.saveImage': {
    kind: 'job',
    changes: true,
    document: 'mutation ($id: ID!) { saveImage(input: { jobId: $id, name: "n" }) { image { name } } }',
  },
  'Mutation.pullImage': {
    kind: 'admin',
    document: 'mutation { pullImage(input: { reference: "a:b" }) { image { name } } }',
  },
  'Subscription.imageProgress': {
    kind: 'admin',
    document: 'subscription { imageProgress(name: "a") { name phase } }',
  },
  'Mutation.createToken': {
    kind: 'admin',
    document: `mutation {
      createToken(input: { name: "n", subject: "s", role: USER }) { secret token { name } } }`,
  },
  'Mutation.revokeToken': {
    kind: 'admin',
    document: 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { token { revokedAt } } }',
  },
  'Mutation.rotateAdminToken': { kind: 'admin', document: 'mutation { rotateAdminToken { secret } }' },
  'Mutation.shareJob': {
    kind: 'job',
    changes: true,
    document: 'mutation ($id: ID!) { shareJob(input: { jobId: $id, expiresIn: "1h" }) { url share { id } } }',
  },
  'Mutation.revokeShare': {
    kind: 'share',
    document: 'mutation ($id: ID!) { revokeShare(input: { id: $id }) { share { id } } }',
  },
  'Mutation.deleteJob': change('deleteJob', 'status'),
  'Mutation.pauseJob': change('pauseJob', 'status'),
  'Mutation.pinJob': change('pinJob', 'pinned'),
  'Mutation.resumeJob': change('resumeJob', 'status'),
  'Mutation.signalJob': change('signalJob', 'status', ', signal: "TERM"'),
  'Mutation.stopJob': change('stopJob', 'status', ', gracePeriod: 0'),
  'Mutation.execInJob': change('execInJob', 'status', ', command: "true"'),
  'Mutation.resizeTerminal': change('resizeTerminal', 'status', ', rows: 24, columns: 80'),
  'Mutation.writeFile': change('writeFile', 'status', ', path: "/f", text: ""'),
  'Mutation.writeStdin': change('writeStdin', 'status', ', offset: 0'),
  'Mutation.submitJob': {
    kind: 'submit',
    document: 'mutation { submitJob(input: { command: "true" }) { job { owner } } }',
  },
  'Mutation.createUpload': {
    kind: 'upload',
    document: 'mutation { createUpload(input: { size: 1 }) { file } }',
  },
  'Mutation.runJob': {
    kind: 'submit',
    document: 'mutation { runJob(input: { command: "true" }, wait: 0) { job { owner } } }',
  },
  'Subscription.jobEvents': { kind: 'jobs' },
  'Subscription.jobUpdated': read('subscription ($id: ID!) { jobUpdated(jobId: $id) { JOB } }'),
  'Subscription.logs': read(
    'subscription ($id: ID!) { logs(jobId: $id, follow: false) { cursor entries { text } } }',
  ),
  'Subscription.usage': read('subscription ($id: ID!) { usage(jobId: $id) { cpuTime } }'),
};
