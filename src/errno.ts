/** What failed system calls are called. */

/** The errno(3) name of a failed system call, or the code of another error of Node.js; `undefined` for any other error. */
export const errnoName = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Whether a call failed with one of these errors. */
export const hasErrno = (error: unknown, ...names: readonly string[]): boolean => {
  const name = errnoName(error);
  return name !== undefined && names.includes(name);
};

/** Whether a call failed because the disk, or what a user may have of it, is full. */
export const isDiskFull = (error: unknown): boolean => hasErrno(error, 'ENOSPC', 'EDQUOT');

/** Whether what the launcher prints of an error says that a disk has no room: strerror(3) of ENOSPC and EDQUOT. */
export const saysDiskFull = (text: string): boolean => /No space left on device|[Qq]uota exceeded/.test(text);
