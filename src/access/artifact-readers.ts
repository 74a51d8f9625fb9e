/** Who may read an artifact over HTTP: a caller who sees its job, and anybody who has a signed link. */

import type { Identity, JobService, OpenArtifact } from '../jobs/service.ts';
import type { ArtifactLinks, LinkSignature } from './artifact-links.ts';

/** What artifacts are read through. */
export interface ArtifactReadersOptions {
  readonly jobs: Pick<JobService, 'openArtifact'>;
  /** The same, as callers may use it. */
  readonly authorized: Pick<JobService, 'openArtifact'>;
  readonly links: ArtifactLinks;
}

/** Nobody in particular: who made a link was somebody who may read what it leads to. */
const LINK: Identity = { subject: 'artifact link', role: 'VIEWER', method: 'SHARE' };

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
   * @returns `undefined` for a link that was not signed here, or is too old
   * @throws ClientError `NOT_FOUND`: the job was deleted since
   */
  async byLink(jobId: string, name: string, signature: LinkSignature): Promise<OpenArtifact | undefined> {
    const { jobs, links } = this.#options;
    return links.isValid(jobId, name, signature) ? jobs.openArtifact(LINK, jobId, name) : undefined;
  }
}
