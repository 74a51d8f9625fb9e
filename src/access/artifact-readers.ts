/** Who may read an artifact over HTTP: a caller who sees its job, and anybody who has a signed link. */

import { ClientError } from '../jobs/errors.ts';
import type { Identity, JobService, OpenArtifact } from '../jobs/service.ts';
import type { ArtifactLinks, LinkSignature } from './artifact-links.ts';
import type { AuditSource } from './audit.ts';

/** What artifacts are read through. */
export interface ArtifactReadersOptions {
  readonly jobs: Pick<JobService, 'openArtifact'>;
  /** The same, as callers may use it. */
  readonly authorized: Pick<JobService, 'openArtifact'>;
  readonly links: ArtifactLinks;
}

/** The artifact of a link that was signed here and is still valid. */
export interface LinkedArtifact {
  readonly jobId: string;
  readonly name: string;
}

/** Anonymous: the maker of the link was allowed to read the artifact. */
export const linkHolder = (source: AuditSource): Identity => ({
  subject: 'artifact link',
  role: 'VIEWER',
  method: 'SHARE',
  source,
});

/** Opens artifacts for those who may read them. */
export class ArtifactReaders {
  readonly #options: ArtifactReadersOptions;

  constructor(options: ArtifactReadersOptions) {
    this.#options = options;
  }

  /** @throws ClientError `NOT_FOUND` */
  byCaller(identity: Identity, jobId: string, name: string): Promise<OpenArtifact> {
    return this.#options.authorized.openArtifact(identity, jobId, name);
  }

  /**
   * What a link leads to.
   *
   * @throws ClientError `FORBIDDEN` for a link that was not signed here, or is too old
   */
  openLink(jobId: string, name: string, signature: LinkSignature): LinkedArtifact {
    if (this.#options.links.isValid(jobId, name, signature)) return { jobId, name };
    throw new ClientError(
      'FORBIDDEN',
      'the link is not valid, or not any more: ask for `Job.artifacts` again',
    );
  }

  /**
   * @param holder who is recorded as the reader
   * @throws ClientError `NOT_FOUND`: the job was deleted since
   */
  byLink(holder: Identity, { jobId, name }: LinkedArtifact): Promise<OpenArtifact> {
    return this.#options.jobs.openArtifact(holder, jobId, name);
  }
}
