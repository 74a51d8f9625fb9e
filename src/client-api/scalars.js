/** How the custom scalars of the schema look to clients, for graphql-codegen. */

/** @type {typeof import('./types.d.ts').scalars} */
export const scalars = {
  Base64: { input: 'string', output: 'string' },
  ByteSize: { input: 'number | string', output: 'number' },
  DateTime: { input: 'string', output: 'string' },
  Duration: { input: 'number | string', output: 'number' },
  ID: { input: 'string', output: 'string' },
};
