/** The query auditLog. */

import { AUDIT_ACTIONS, type AuditAction, type AuditEntry, type AuditFilter } from '../access/audit.ts';
import { checkAll } from '../jobs/faults.ts';
import { builder, identify } from './builder.ts';
import { checkPage, DEFAULT_ROWS } from './page.ts';
import { wellFormed } from './scalars.ts';

const DESCRIPTIONS: Readonly<Record<AuditAction, string>> = {
  SUBMIT_JOB: 'A job was submitted, by `submitJob` or `runJob`.',
  EXEC_IN_JOB:
    'Another command was run in the cell of a job, by `execInJob`; the entry names the job with the cell.',
  WRITE_STDIN:
    'Standard input of a job was written; recorded at most once in ten minutes for each client and job.',
  RESIZE_TERMINAL: 'The terminal of a job got another size; recorded as `WRITE_STDIN` is.',
  READ_FILE: 'A file in the cell of a job was read; recorded as `WRITE_STDIN` is.',
  WRITE_FILE: 'A file in the cell of a job was written, or a folder made; recorded as `WRITE_STDIN` is.',
  STOP_JOB: 'A job was stopped.',
  PAUSE_JOB: 'A job was paused.',
  RESUME_JOB: 'A paused job was continued.',
  SIGNAL_JOB: 'A signal was sent to a job.',
  DELETE_JOB: 'A job was deleted.',
  PIN_JOB: 'A job was pinned or unpinned.',
  SHARE_JOB: 'A link to a job was created.',
  REVOKE_SHARE: 'A link to a job was revoked.',
  CREATE_UPLOAD: 'A link to upload a file for jobs was created.',
  UPLOAD_FILE:
    'A file for jobs was uploaded, or a part of it; recorded at most once in ten minutes for each client and file. For an upload by a link, the subject is the one that created the link.',
  DOWNLOAD_ARTIFACT:
    'An artifact was downloaded, or a part of it, or asked about; recorded at most once in ten minutes for each client and artifact. For a download by the link of an artifact, the subject is `artifact link`.',
  SAVE_IMAGE: 'An image was made of what a job has changed.',
  IMPORT_IMAGE: 'An image was added from an archive.',
  PULL_IMAGE: 'An image was added from a registry.',
  DELETE_IMAGE: 'An image was deleted.',
  CREATE_TOKEN: 'A token was created.',
  REVOKE_TOKEN: 'A token was revoked.',
  ROTATE_ADMIN_TOKEN: 'The admin token of the state folder was replaced.',
  SET_QUOTA: 'The quotas of a subject were changed.',
  SIGN_IN: 'A sign-in failed. The first 60 of each minute are recorded.',
};

const AuditActionType = builder.enumType('AuditAction', {
  description: 'An action that the audit log records.',
  values: Object.fromEntries(
    AUDIT_ACTIONS.map((name) => [name, { description: DESCRIPTIONS[name] }]),
  ) as Record<AuditAction, { readonly description: string }>,
});

const AuditEntryType = builder.objectRef<AuditEntry>('AuditEntry').implement({
  description: 'An action of a caller, whether it succeeded or was refused.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Opaque; entries sort by it.' }),
    time: t.expose('time', { type: 'DateTime', description: 'When it was done.' }),
    action: t.expose('action', { type: AuditActionType, description: 'What was done.' }),
    subject: t.exposeString('subject', {
      nullable: true,
      description: 'The caller; null when it is unknown.',
    }),
    job: t.exposeID('jobId', {
      nullable: true,
      description:
        'The id of the job, which may have been deleted or never have existed; null when the action is about no job.',
    }),
    target: t.exposeString('target', {
      nullable: true,
      description:
        'What the action was about, other than the job: the id of a token, of a link or of the job of `execInJob`, the name of an image or an artifact, what `createUpload` calls a file, the subject of quotas; at most 200 ASCII characters; any other is replaced by "?".',
    }),
    secrets: t.exposeInt('secrets', {
      description: 'How many secret variables a submitted command was given.',
    }),
    address: t.exposeString('address', {
      nullable: true,
      description:
        "The address that the request came from, which may be a proxy's; null for the Unix socket.",
    }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description:
        'The header `User-Agent` of the request: at most 200 ASCII characters; any other is replaced by "?".',
    }),
    token: t.exposeString('token', {
      nullable: true,
      description:
        'The name of the token that was used; null for the admin token in the state folder, and without a token.',
    }),
    outcome: t.exposeString('outcome', {
      description:
        '`OK`, the code of the error with which it was refused, or `BROKEN_OFF` of an upload whose client has gone.',
    }),
  }),
});

const AuditFilterInput = builder.inputType('AuditFilter', {
  description: 'Which entries: each field that is set must match.',
  fields: (t) => ({
    action: t.field({ type: AuditActionType, description: 'What was done. Default: anything.' }),
    subject: t.string({ description: 'The caller. Default: anybody.' }),
    job: t.id({ description: 'The id of the job. Default: entries about any job or none.' }),
    failed: t.boolean({
      description: 'True: actions that failed; false: actions that succeeded. Default: both.',
    }),
    since: t.field({ type: 'DateTime', description: 'At this time or later. Default: from the first on.' }),
    until: t.field({ type: 'DateTime', description: 'Before this time. Default: up to the last.' }),
  }),
});

const AuditConnection = builder.connectionObject(
  {
    type: AuditEntryType,
    name: 'AuditConnection',
    description: 'A page of the audit log (Relay cursor connections).',
  },
  { name: 'AuditEdge', description: 'An entry of a page, with its cursor.' },
);

builder.queryField('auditLog', (t) =>
  t.field({
    type: AuditConnection,
    description:
      'What callers did with jobs, files, links, images, tokens and quotas, and sign-ins that failed, newest first. For an ADMIN only.',
    args: {
      first: t.arg.int({ description: 'Entries, from 1 to 100. Default 20.' }),
      last: t.arg.int({
        description: 'The last entries instead, from 1 to 100: the oldest, or those next to `before`.',
      }),
      after: t.arg.string({ description: 'The cursor of an entry: those before it in time.' }),
      before: t.arg.string({ description: 'The cursor of an entry: those after it in time.' }),
      filter: t.arg({ type: AuditFilterInput, description: 'Which entries. Default: all.' }),
    },
    resolve: async (_root, { filter, ...args }, context) => {
      const identity = identify(context);
      const { window, wanted } = checkAll({
        window: () => checkPage(args, DEFAULT_ROWS),
        wanted: () => toFilter(filter ?? {}),
      });
      const { entries, ...more } = await context.audit.page(identity, { ...window, filter: wanted });
      return {
        edges: entries.map((entry) => ({ cursor: entry.id, node: entry })),
        pageInfo: {
          hasNextPage: more.hasNext,
          hasPreviousPage: more.hasPrevious,
          startCursor: entries[0]?.id ?? null,
          endCursor: entries.at(-1)?.id ?? null,
        },
      };
    },
  }),
);

const toFilter = ({
  action,
  subject,
  job,
  failed,
  since,
  until,
}: typeof AuditFilterInput.$inferInput): AuditFilter => {
  const from = wellFormed('filter.since', since);
  const to = wellFormed('filter.until', until);
  return {
    ...(action && { action }),
    ...(typeof subject === 'string' && { subject }),
    ...(job !== null && job !== undefined && { jobId: `${job}` }),
    ...(typeof failed === 'boolean' && { failed }),
    ...(from !== undefined && { since: from }),
    ...(to !== undefined && { until: to }),
  };
};
