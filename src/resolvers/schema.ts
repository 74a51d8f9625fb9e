/** The whole schema: importing this file defines every type of it. */
import { type GraphQLObjectType, lexicographicSortSchema, printSchema } from 'graphql';
import type { Job } from '../jobs/job.ts';
import { builder } from './builder.ts';
import './artifact.ts';
import './audit-log.ts';
import './create-token.ts';
import './create-upload.ts';
import './delete-image.ts';
import './delete-job.ts';
import './error-code.ts';
import './image.ts';
import './exec-in-job.ts';
import './job.ts';
import './job-events.ts';
import './job-files.ts';
import './job-updated.ts';
import './jobs.ts';
import './log.ts';
import './pause-job.ts';
import './pin-job.ts';
import './pull-image.ts';
import './resize-terminal.ts';
import './quota.ts';
import './receipt.ts';
import './resume-job.ts';
import './retry.ts';
import './revoke-share.ts';
import './revoke-token.ts';
import './rotate-admin-token.ts';
import './run-job.ts';
import './save-image.ts';
import './server.ts';
import './set-quota.ts';
import './share.ts';
import './share-job.ts';
import './signal-job.ts';
import './stop-job.ts';
import './submit-job.ts';
import './token.ts';
import './viewer.ts';
import './write-stdin.ts';

export const schema = builder.toSchema();

// Pothos makes promises of ids, to encode them: ours stay as they are (see `encodeGlobalID` in builder.ts).
const job = schema.getType('Job') as GraphQLObjectType<Job>;
const { id } = job.getFields();
if (id !== undefined) id.resolve = (source) => source.id;

/** The schema in the schema definition language, sorted by name, so that it does not depend on the order of the code. */
export const printSchemaText = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;
