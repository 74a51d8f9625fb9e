/** Settings of ESLint, which checks the schema only: all rules of graphql-eslint for schemas, but those named here. */

import graphql from '@graphql-eslint/eslint-plugin';

export default [
  {
    files: ['schema/schema.graphql'],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: 'schema/schema.graphql' } },
    },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-all'].rules,
      ...graphql.configs['flat/schema-relay'].rules,

      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          EnumValueDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
        },
      ],
      // An entry of the audit log cannot be asked for by `node`, and lists that are short are no connections.
      '@graphql-eslint/relay-edge-types': [
        'error',
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],

      // What has no identity has no id: payloads, edges, limits and the parts of a job.
      '@graphql-eslint/strict-id-in-types': 'off',
      // The schema is printed in the order of graphql-js, which graphql-schema-linter checks; this rule has `id` first.
      '@graphql-eslint/alphabetize': 'off',
      // ErrorCode is there for generators of types: no field of GraphQL has the extensions of an error. The check of
      // graphql-schema-linter that types are used leaves out this one only.
      '@graphql-eslint/no-unreachable-types': 'off',
      // `@deprecated` has no date in the specification of GraphQL; CHANGELOG.md says when a name goes.
      '@graphql-eslint/require-deprecation-date': 'off',
      // It forbids mutations and subscriptions.
      '@graphql-eslint/no-root-type': 'off',
      // A mutation that fails is an error as a whole, so its payload is never null; fields of Query are nullable where
      // an object may not exist.
      '@graphql-eslint/require-nullable-result-in-root': 'off',
      // A payload has what the mutation changed. Relay asks for `query` no longer.
      '@graphql-eslint/require-field-of-type-query-in-mutation-result': 'off',
      // `runJob` has arguments besides `input`: they are about the request, not about the job.
      '@graphql-eslint/input-name': 'off',
    },
  },
];
