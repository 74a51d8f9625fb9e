/** Commands and environments that are too large for the rows of jobs, and are kept in rows of their own. */

import { isApart, type Job } from '../jobs/job.ts';
import { commandBytes, envBytes, isTextCommand } from '../jobs/payload.ts';

/** The most bytes of a command or an environment that is stored in the row of its job, which every list reads. */
const LARGEST_IN_ROW = 4096;

/** A row of the table `payloads`: JSON, or `null` for what is in the row of the job. */
export interface PayloadRow {
  readonly id: string;
  readonly command: string | null;
  readonly env: string | null;
}

/**
 * Splits a job into what is stored apart under its id, and the job without it. `payload` is `null` if there is nothing
 * to store apart.
 */
export const takeApart = (job: Job): { readonly job: Job; readonly payload: PayloadRow | null } => {
  const { id, spec } = job;
  const { command, env } = spec;
  const ofCommand = command.kind === 'apart' ? 0 : commandBytes(command);
  const ofEnv = isApart(env) ? 0 : envBytes(env);
  const commandApart = command.kind !== 'apart' && ofCommand > LARGEST_IN_ROW;
  const envApart = ofEnv > LARGEST_IN_ROW;
  if (!commandApart && !envApart) return { job, payload: null };
  return {
    payload: {
      id,
      command: commandApart ? JSON.stringify(command) : null,
      env: envApart ? JSON.stringify(env) : null,
    },
    job: {
      ...job,
      spec: {
        ...spec,
        command: commandApart
          ? { kind: 'apart', form: command.kind, isText: isTextCommand(command), id, bytes: ofCommand }
          : command,
        env: envApart ? { kind: 'apart', id, bytes: ofEnv } : env,
      },
    },
  };
};

/** The id of the row of `payloads` that a job needs, or `null`. The attempts of one job share a row. */
export const payloadId = ({ spec: { command, env } }: Job): string | null => {
  if (command.kind === 'apart') return command.id;
  return isApart(env) ? env.id : null;
};
