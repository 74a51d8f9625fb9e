/** The host's cgroups cannot be used. Message and remedy are for the person who runs the server. */
export class CgroupError extends Error {
  override readonly name = 'CgroupError';
  /** What went wrong, without the remedy. */
  readonly reason: string;
  readonly remedy: string;

  constructor(reason: string, remedy: string, options?: ErrorOptions) {
    super(`${reason}: ${remedy}`, options);
    this.reason = reason;
    this.remedy = remedy;
  }
}
