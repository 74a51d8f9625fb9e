import { lexicographicSortSchema, printSchema } from 'graphql';
import { builder } from './builder.ts';
import './delete-job.ts';
import './job.ts';
import './job-events.ts';
import './job-updated.ts';
import './jobs.ts';
import './log.ts';
import './pause-job.ts';
import './pin-job.ts';
import './resume-job.ts';
import './retry.ts';
import './server.ts';
import './signal-job.ts';
import './stop-job.ts';
import './submit-job.ts';

export const schema = builder.toSchema();

/** The schema in the schema definition language, in an order that does not depend on the code's. */
export const printSchemaText = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;
