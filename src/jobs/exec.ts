/** Makes a job that runs in the cell of another one. */

import { badInput, notRunning, unavailable } from './errors.ts';
import { type Job, LONGEST_ARGUMENT_BYTES, type WholeSpec } from './job.ts';
import type { RequestContext } from './offer.ts';
import { checkRequest } from './request.ts';
import type { ExecRequest } from './service.ts';

/**
 * Checks a request to run another command in the cell of a job. The cell, its limits and what confines it are those of
 * the job; only the output and the timeout count for the command alone.
 *
 * @throws ClientError also when that job does not run, or has no cell of its own
 */
export const checkExec = (request: ExecRequest, parent: Job, context: RequestContext): WholeSpec => {
  const { spec, state } = parent;
  if (spec.execOf !== null)
    throw badInput(
      'input.jobId',
      'a job with a cell of its own',
      `one that runs in that of job ${spec.execOf}`,
    );
  if (state.status !== 'RUNNING') throw notRunning('input.jobId', state.status);
  if (state.pausedAt !== null)
    throw unavailable('the job is paused, and so would be the command: resume it first', 'input.jobId');
  const bytes = request.command === undefined ? 0 : Buffer.byteLength(request.command);
  if (bytes > LONGEST_ARGUMENT_BYTES)
    throw badInput('input.command', `at most ${LONGEST_ARGUMENT_BYTES} bytes`, `${bytes} bytes`);
  const inherited = {
    image: spec.image,
    ...(spec.hostname !== null && { hostname: spec.hostname }),
    ...(spec.user !== null && { user: spec.user }),
    ...(spec.workdir !== null && { workdir: spec.workdir }),
    network: spec.network,
  };
  const checked = checkRequest({ ...inherited, ...request }, inCell(context));
  return {
    ...checked,
    imageDigest: spec.imageDigest,
    // Users other than root of the cell have none: the launcher sees to that.
    capabilities: spec.capabilities,
    limits: {
      ...spec.limits,
      // These are the limits of the whole cell, in which the command is one of several.
      cpus: null,
      cpuWeight: null,
      cpuset: null,
      cpuTimeMs: null,
      memoryBytes: null,
      memoryHighBytes: null,
      swapBytes: null,
      inodes: null,
      io: [],
    },
    execOf: parent.id,
  };
};

/** Folders may have been made since the cell began: the image does not know them. */
const inCell = (context: RequestContext): RequestContext => ({
  imageNames: context.imageNames,
  limits: context.limits,
  idsRemedy: context.idsRemedy,
  mostStdinBytes: context.mostStdinBytes,
  image: (name) => {
    const image = context.image(name);
    return (
      image && {
        digest: image.digest,
        defaults: image.defaults,
        userForm: image.userForm,
        findUser: (user) => image.findUser(user),
        isFolder: () => true,
      }
    );
  },
});
