/** Settings of graphql-codegen, which generates the typed operations of the client. */

import type { CodegenConfig } from '@graphql-codegen/cli';
import { scalars } from './src/client-api/scalars.js';

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
        scalars,
      },
    },
  },
};

export default config;
