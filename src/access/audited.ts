/** Records what is done with a service in the audit trail. */

import type { Identity, JobService } from '../jobs/service.ts';
import type { Audit, AuditAction } from './audit.ts';
import type { Quotas } from './quotas.ts';
import type { Tokens } from './tokens.ts';

type Method = (identity: Identity, ...more: readonly unknown[]) => Promise<unknown>;

/** What is recorded of jobs. Methods that only read are not. */
const OF_JOBS: Partial<Record<keyof JobService, AuditAction>> = {
  submit: 'SUBMIT_JOB',
  exec: 'EXEC_IN_JOB',
  stop: 'STOP_JOB',
  pause: 'PAUSE_JOB',
  resume: 'RESUME_JOB',
  signal: 'SIGNAL_JOB',
  delete: 'DELETE_JOB',
  pin: 'PIN_JOB',
};

const OF_TOKENS: Partial<Record<keyof Tokens, AuditAction>> = {
  create: 'CREATE_TOKEN',
  revoke: 'REVOKE_TOKEN',
  rotateAdmin: 'ROTATE_ADMIN_TOKEN',
};

const OF_QUOTAS: Partial<Record<keyof Quotas, AuditAction>> = { set: 'SET_QUOTA' };

/** The job service of callers, of which every submission and every control of a job is recorded. */
export const auditedJobs = <T extends JobService>(jobs: T, audit: Audit): T =>
  audited(jobs, OF_JOBS, (action, [, id], work, identity) =>
    audit.record(identity, action, work, action === 'SUBMIT_JOB' ? idOf : String(id)),
  );

/** Tokens, of which every change is recorded. */
export const auditedTokens = (tokens: Tokens, audit: Audit): Tokens =>
  audited(tokens, OF_TOKENS, (action, _parameters, work, identity) => audit.record(identity, action, work));

/** Quotas, of which every change is recorded. */
export const auditedQuotas = (quotas: Quotas, audit: Audit): Quotas =>
  audited(quotas, OF_QUOTAS, (action, _parameters, work, identity) => audit.record(identity, action, work));

const idOf = (job: unknown): string => (job as { readonly id: string }).id;

/** The same object, with some of its methods called by `record`. The others are as they were, private state included. */
const audited = <T extends object>(
  target: T,
  actions: Readonly<Record<string, AuditAction | undefined>>,
  record: (
    action: AuditAction,
    parameters: readonly unknown[],
    work: () => Promise<unknown>,
    identity: Identity,
  ) => Promise<unknown>,
): T =>
  new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object);
      if (typeof member !== 'function') return member;
      const action = actions[String(name)];
      if (action === undefined) return member.bind(object);
      const method = member.bind(object) as Method;
      return (identity: Identity, ...more: readonly unknown[]) =>
        record(action, [identity, ...more], () => method(identity, ...more), identity);
    },
  });
