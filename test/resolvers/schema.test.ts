import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, isScalarType, isSpecifiedScalarType, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { printSchemaText, schema } from '../../src/resolvers/schema.ts';

const SCHEMA = join(import.meta.dirname, '../../schema');
const committed = readFileSync(join(SCHEMA, 'schema.graphql'), 'utf8');

describe('schema/schema.graphql', () => {
  it('is what the code prints (otherwise: make generate)', () => {
    expect(printSchemaText()).toBe(committed);
  });

  it('keeps the operations of the command line valid', () => {
    const folder = join(SCHEMA, 'operations');
    const documents = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(validate(buildSchema(committed), parse(documents.join('\n')))).toEqual([]);
  });

  it('names the specification of each scalar', () => {
    const scalars = Object.values(schema.getTypeMap()).filter(
      (type) => isScalarType(type) && !isSpecifiedScalarType(type),
    );
    expect(scalars.map(({ name }) => name).sort()).toEqual(['Base64', 'ByteSize', 'DateTime', 'Duration']);
    for (const { name } of scalars)
      expect(committed).toMatch(new RegExp(`^scalar ${name} @specifiedBy\\(url: "https://\\S+"\\)$`, 'm'));
  });
});
