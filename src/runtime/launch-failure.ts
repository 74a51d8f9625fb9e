/** Explains why a cell could not be made or a command could not be executed. */

import { getSystemErrorMessage } from 'node:util';
import type { LaunchFailure } from './protocol/exit-record.ts';
import { reachesNamespaceLimit } from './remedies.ts';

/**
 * A failure to start a job, in words for its submitter: "no such file or directory: nosuch".
 */
export const explainFailure = (failure: LaunchFailure): string => {
  const why = reason(failure.errno);
  switch (failure.step) {
    case 'execute':
      return failure.second === ''
        ? `${why}: ${failure.subject}`
        : `${why}: ${failure.second}, the interpreter of ${failure.subject}`;
    case 'workdir':
      return `working directory: ${why}: ${failure.subject}`;
    case 'join':
      return `the job in whose cell it was to run has ended, or cannot be joined: ${why}`;
    case 'plan':
      return `the cell could not be set up: bad launch plan: ${failure.subject}`;
    default:
      return `the cell could not be set up: ${explainStep(isOfHost(failure) ? { ...failure, subject: '' } : failure)}`;
  }
};

/**
 * Whether a failure is about a path outside the cell, which is not for the one who submitted the job. A file of the
 * cgroup is named without its folder.
 */
export const isOfHost = ({ step, subject }: LaunchFailure): boolean =>
  HOST_STEPS.has(step) && subject.startsWith('/');

const HOST_STEPS: ReadonlySet<string> = new Set(['bind', 'cgroup', 'files', 'image', 'overlay', 'owners']);

/** The step, and a remedy where the error of the kernel alone does not suggest one. */
export const explainStep = (failure: LaunchFailure): string => `${describeStep(failure)}${remedy(failure)}`;

/** The step alone: "mount /proc: operation not permitted". */
export const describeStep = ({ step, subject, errno }: LaunchFailure): string =>
  `${step}${subject === '' ? '' : ` ${subject}`}: ${reason(errno)}`;

const reason = (errno: number): string => {
  if (errno === EISDIR) return 'is a directory';
  try {
    return getSystemErrorMessage(-errno);
  } catch {
    return `error ${errno}`;
  }
};

const remedy = ({ step, errno }: LaunchFailure): string => {
  if (reachesNamespaceLimit({ step, errno }))
    return ' (a limit in /proc/sys/user/max_*_namespaces has been reached)';
  switch (step) {
    case 'clone':
      return ' (namespaces are refused here: `cloister doctor` says why)';
    case 'overlay':
      return errno === ENODEV ? ' (the kernel has no overlay file system: `modprobe overlay`)' : '';
    case 'owners':
      return ' (the kernel does not map ids on the file system of the image)';
    case 'mount':
      return errno === EPERM
        ? ' (the kernel allows this mount only where no part of it is masked for the server: in a container, unmask /proc)'
        : '';
    case 'seccomp':
      return errno === ENOSYS || errno === EINVAL
        ? ' (the kernel has no seccomp filters: CONFIG_SECCOMP_FILTER)'
        : '';
    default:
      return '';
  }
};

const EPERM = 1;
const ENODEV = 19;
const EISDIR = 21;
const EINVAL = 22;
const ENOSYS = 38;
