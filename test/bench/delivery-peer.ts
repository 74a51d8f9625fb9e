/**
 * A log served by graphql-yoga and graphql-ws as their documentation says, from memory: `node delivery-peer.ts BYTES`.
 * It knows no tokens, files, cursors or limits: what is left of delivery when all of that is taken away. Prints its port.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionArgs } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';

const PAGE_BYTES = 64 << 10;

const line = process.argv[3] ?? '';
const text = `${line}\n`.repeat(Math.ceil(PAGE_BYTES / (line.length + 1))).slice(0, PAGE_BYTES);
const pages = Math.ceil(Number(process.argv[2]) / PAGE_BYTES);

const schema = createSchema({
  typeDefs: `
    type Query { ok: Boolean }
    type Subscription { logs(jobId: ID!): LogBatch! }
    type LogBatch { entries: [LogEntry!]!  endOfLog: Boolean! }
    type LogEntry { text: String! }`,
  resolvers: {
    Subscription: {
      logs: {
        subscribe: async function* () {
          for (let page = 1; page <= pages; page++)
            yield { logs: { entries: [{ text }], endOfLog: page === pages } };
        },
      },
    },
  },
});

const yoga = createYoga({ schema, logging: false });
const server = createServer(yoga);
type Prepared = ExecutionArgs & {
  readonly rootValue: Pick<ReturnType<typeof yoga.getEnveloped>, 'execute' | 'subscribe'>;
};
useServer(
  {
    execute: (args: unknown) => (args as Prepared).rootValue.execute(args as Prepared),
    subscribe: (args: unknown) => (args as Prepared).rootValue.subscribe(args as Prepared),
    onSubscribe: async (context, _id, params) => {
      const enveloped = yoga.getEnveloped({ ...context, params });
      const document = enveloped.parse(params.query);
      const errors = enveloped.validate(enveloped.schema, document);
      if (errors.length > 0) return errors;
      return {
        schema: enveloped.schema,
        operationName: params.operationName,
        document,
        variableValues: params.variables,
        contextValue: await enveloped.contextFactory(),
        rootValue: { execute: enveloped.execute, subscribe: enveloped.subscribe },
      };
    },
  },
  new WebSocketServer({ server, path: '/graphql' }),
);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
console.log((server.address() as AddressInfo).port);
