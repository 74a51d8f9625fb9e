/** Compiles and runs inspect.c. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from './programs.ts';
import type { JobFields, TestServer } from './server.ts';

/** The path of `inspect`, see inspect.c. */
export const inspectProgram = (): string => program(join(import.meta.dirname, 'inspect.c'));

/**
 * Runs a line of shell in a job that has `inspect` as /tmp/inspect.
 *
 * @param input further fields of SubmitJobInput
 */
export const inspectIn = async (
  server: TestServer,
  line: string,
  input: Record<string, unknown> = {},
): Promise<{ readonly job: JobFields; readonly stdout: string; readonly stderr: string }> => {
  const job = await server.run({
    ...input,
    command: `base64 -d >/tmp/inspect && chmod 755 /tmp/inspect && { ${line}\n}`,
    stdin: readFileSync(inspectProgram()).toString('base64'),
  });
  return { job, ...(await server.output(job.id)) };
};
