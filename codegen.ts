/** Settings of graphql-codegen, which generates the typed operations of the client. */

import type { CodegenConfig } from '@graphql-codegen/cli';

/** What the client sends, as strings with their types: nothing of graphql-js is loaded to send a query. */
const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  documents: 'schema/operations/*.graphql',
  generates: {
    'src/client/generated/operations.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        documentMode: 'string',
        immutableTypes: true,
        strictScalars: true,
        useTypeImports: true,
        scalars: {
          Base64: { input: 'string', output: 'string' },
          ByteSize: { input: 'number | string', output: 'number' },
          DateTime: { input: 'string', output: 'string' },
          Duration: { input: 'number | string', output: 'number' },
          ID: { input: 'string', output: 'string' },
        },
      },
    },
  },
};

export default config;
