import { createEngine } from '../../src/server/engine.ts';
import { FakeJobs } from '../server/fake-jobs.ts';
import type { Answer } from '../server/fixture.ts';

/** The schema on jobs that nothing runs, in process: no port, no token. */
export class Api {
  readonly jobs = new FakeJobs();
  /** What the server logged. */
  readonly lines: string[] = [];
  readonly #engine = createEngine({ jobs: this.jobs, log: (line) => this.lines.push(line) });

  /** @param subject who asks; `null`: nobody whom the server knows */
  async ask(query: string, variables: unknown = {}, subject: string | null = 'somebody'): Promise<Answer> {
    const response = await this.#engine.fetch(
      'http://localhost/graphql',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      },
      { identity: subject === null ? null : { subject, role: 'ADMIN', method: 'TOKEN' } },
    );
    return (await response.json()) as Answer;
  }

  async data(query: string, variables: unknown = {}): Promise<Record<string, unknown>> {
    const { data, errors } = await this.ask(query, variables);
    if (errors !== undefined || !data) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** The one error of a document that must have one. */
  async error(query: string, variables: unknown = {}): Promise<NonNullable<Answer['errors']>[number]> {
    const { errors = [] } = await this.ask(query, variables);
    const [error] = errors;
    if (error === undefined || errors.length > 1) throw new Error(`${errors.length} errors`);
    return error;
  }
}
