/** The GraphQL schema on a fake job service. */

import { ArtifactLinks } from '../../src/access/artifact-links.ts';
import { AuthorizedFiles } from '../../src/access/authorized-files.ts';
import { createEngine } from '../../src/server/engine.ts';
import { FakeFiles } from '../server/fake-files.ts';
import { FakeImages } from '../server/fake-images.ts';
import { FakeJobs } from '../server/fake-jobs.ts';
import { openAudit, openQuotas, openShares, openTokens } from '../server/fake-tokens.ts';
import type { Answer } from '../server/fixture.ts';
import { newLinkKeys } from '../support/link-keys.ts';

/** The schema on a fake job service, in process: no port, no token. */
export class Api {
  readonly jobs = new FakeJobs();
  readonly images = new FakeImages();
  /** What the server logged of its own faults. */
  readonly lines: string[] = [];
  readonly #engine = Promise.all([openTokens(), openShares(), openQuotas()]).then(
    ([tokens, shares, quotas]) =>
      createEngine({
        quotas,
        audit: openAudit(),
        jobs: this.jobs,
        images: this.images,
        artifactLinks: new ArtifactLinks(newLinkKeys()),
        files: new AuthorizedFiles(new FakeFiles(), newLinkKeys()),
        tokens,
        shares,
        log: (line, fields) => {
          if (fields?.level === 'error') this.lines.push(line);
        },
      }),
  );

  /** @param subject the caller; `null`: not authenticated */
  async ask(query: string, variables: unknown = {}, subject: string | null = 'somebody'): Promise<Answer> {
    const engine = await this.#engine;
    const response = await engine.fetch(
      'http://localhost/graphql',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      },
      {
        identity: subject === null ? null : { subject, role: 'ADMIN', method: 'TOKEN' },
        baseUrl: 'http://localhost',
        over: new AbortController().signal,
        ended: new AbortController().signal,
      },
    );
    return (await response.json()) as Answer;
  }

  async data(query: string, variables: unknown = {}): Promise<Record<string, unknown>> {
    const { data, errors } = await this.ask(query, variables);
    if (errors !== undefined || !data) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** The only error of a document, which must have exactly one. */
  async error(query: string, variables: unknown = {}): Promise<NonNullable<Answer['errors']>[number]> {
    const { errors = [] } = await this.ask(query, variables);
    const [error] = errors;
    if (error === undefined || errors.length > 1) throw new Error(`${errors.length} errors`);
    return error;
  }
}
