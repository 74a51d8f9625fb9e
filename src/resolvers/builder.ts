import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { Identity } from '../jobs/service.ts';
import type { Context } from './context.ts';
import { unauthenticated } from './errors.ts';
import { base64, byteSize, dateTime, duration, type Malformed } from './scalars.ts';

interface Scalar<In, Out> {
  Input: In | Malformed;
  Output: Out;
}

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
    nodesOnConnection: true,
    nodesQueryOptions: false,
    // The ids of jobs are unique by themselves, and jobs are the only nodes.
    encodeGlobalID: (_type, id) => String(id),
    decodeGlobalID: (id) => ({ typename: 'Job', id }),
  },
});

builder.scalarType('ByteSize', byteSize);
builder.scalarType('Duration', duration);
builder.scalarType('DateTime', dateTime);
builder.scalarType('Base64', base64);

builder.queryType();
builder.mutationType();
builder.subscriptionType();

/**
 * Who asks. Every resolver of a root field begins here.
 *
 * @throws GraphQLError `UNAUTHENTICATED`
 */
export const identify = ({ identity }: Context): Identity => {
  if (identity === null) throw unauthenticated();
  return identity;
};
