/** The Pothos schema builder that every type of the schema is defined with, and the root types. */
import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import { badInput, notFound } from '../jobs/errors.ts';
import type { Identity } from '../jobs/service.ts';
import type { Context } from './context.ts';
import { unauthenticated } from './errors.ts';
import { base64, byteSize, dateTime, duration, type Malformed } from './scalars.ts';

interface Scalar<In, Out> {
  Input: In | Malformed;
  Output: Out;
}

const MOST_NODES = 100;

/**
 * The extension of types whose fields depend on nothing but the value: the same selection has the same answer for every
 * caller.
 */
export const SHARED = 'shared';

/**
 * The caller's identity. Every resolver of a root field begins here.
 *
 * @throws GraphQLError `UNAUTHENTICATED`
 */
export const identify = ({ identity }: Context): Identity => {
  if (identity === null) throw unauthenticated();
  return identity;
};

export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    ByteSize: Scalar<number, number>;
    Duration: Scalar<number, number>;
    DateTime: Scalar<Date, Date | bigint>;
    Base64: Scalar<Uint8Array, Uint8Array>;
  };
}>({
  defaultFieldNullability: false,
  plugins: [RelayPlugin],
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    nodesOnConnection: { description: 'The objects of this page, without their edges.' },
    // The ids of jobs are unique by themselves, and jobs are the only nodes.
    encodeGlobalID: (_type, id) => String(id),
    decodeGlobalID: (id) => ({ typename: 'Job', id }),
    nodeTypeOptions: { description: 'An object with an id that `node` finds it by.' },
    nodeQueryOptions: {
      description:
        'The object with this id. An unknown id is an error with code NOT_FOUND, and the field is null.',
      args: { id: { description: 'The id of any object that implements `Node`.' } },
      resolve: async (_root, { id }, context, _info, load) => {
        identify(context);
        const node = await load(id);
        if (node === null || node === undefined) throw notFound('id', 'object', id.id);
        return node;
      },
    },
    nodesQueryOptions: {
      description:
        'The objects with these ids, in the same order. An unknown id yields null in its place, and an error with code NOT_FOUND.',
      args: { ids: { description: 'Ids of any objects that implement `Node`, at most 100.' } },
      resolve: async (_root, { ids }, context, _info, load) => {
        identify(context);
        if (ids.length > MOST_NODES) throw badInput('ids', `at most ${MOST_NODES} ids`, `${ids.length}`);
        // A node that another field has requested too is still a promise.
        const nodes = await Promise.all(await load(ids));
        // An Error in the place of an item is an error of that item alone.
        return nodes.map((node, index) => node ?? notFound(`ids[${index}]`, 'object', ids[index]?.id ?? ''));
      },
    },
    idFieldOptions: { description: 'Opaque and unique among all objects of this server.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its connection (Relay).' },
    hasNextPageFieldOptions: { description: 'Whether more follows after `endCursor`.' },
    hasPreviousPageFieldOptions: { description: 'Whether more precedes `startCursor`.' },
    startCursorFieldOptions: { description: 'The cursor of the first edge; null for an empty page.' },
    endCursorFieldOptions: { description: 'The cursor of the last edge; null for an empty page.' },
    cursorFieldOptions: { description: 'Pass as `after` or `before` to continue from this edge.' },
    nodeFieldOptions: { description: 'The object itself.' },
    edgesFieldOptions: { description: 'The objects of this page, each with its cursor.' },
    pageInfoFieldOptions: { description: 'Where this page lies in the whole.' },
    firstArgOptions: {
      description: 'Return at most the first N, from 1 to 100. Not together with `last`. Default 20.',
    },
    lastArgOptions: { description: 'Return at most the last N, from 1 to 100. Not together with `first`.' },
    afterArgOptions: { description: 'Only what follows this cursor.' },
    beforeArgOptions: { description: 'Only what precedes this cursor.' },
  },
});

builder.scalarType('ByteSize', byteSize);
builder.scalarType('Duration', duration);
builder.scalarType('DateTime', dateTime);
builder.scalarType('Base64', base64);

builder.queryType({ description: 'Reads. Nothing here changes a job.' });
builder.mutationType({ description: 'Submits and controls jobs, and manages tokens.' });
builder.subscriptionType({
  description:
    'Live streams, over WebSocket (graphql-transport-ws) and SSE, both at /graphql. A slow client delays only its own stream.',
});
