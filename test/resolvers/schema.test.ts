/** The schema as a whole. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildSchema,
  GraphQLFloat,
  GraphQLInt,
  type GraphQLType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { printSchemaText, schema } from '../../src/resolvers/schema.ts';

const SCHEMA = join(import.meta.dirname, '../../schema');
const committed = readFileSync(join(SCHEMA, 'schema.graphql'), 'utf8');

/** The fields of an input that the output has not, or with another type. */
const unreadable = (input: unknown, output: unknown): string[] => {
  // A whole number is written alike as an Int and as a Float.
  if (!isInputObjectType(input) || !isObjectType(output))
    return input === output || (input === GraphQLInt && output === GraphQLFloat) ? [] : [''];
  return Object.values(input.getFields()).flatMap(({ name, type }) => {
    const field = output.getFields()[RENAMED[name] ?? name];
    if (field === undefined || isList(type) !== isList(field.type)) return [name];
    return unreadable(getNamedType(type), getNamedType(field.type)).map((inner) =>
      inner === '' ? name : `${name}.${inner}`,
    );
  });
};

/** `Job.files` lists those of a running cell. */
const RENAMED: Readonly<Record<string, string>> = { files: 'inputFiles' };

const isList = (type: GraphQLType): boolean => isListType(getNullableType(type));

describe('schema/schema.graphql', () => {
  it('is what the code prints (otherwise: make generate)', () => {
    expect(printSchemaText()).toBe(committed);
  });

  it('keeps the operations of the command line valid', () => {
    const folder = join(SCHEMA, 'operations');
    const documents = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(validate(buildSchema(committed), parse(documents.join('\n')))).toEqual([]);
  });

  it('gives back every field of a submission under its own name, so that it can be submitted again', () => {
    expect(unreadable(schema.getType('SubmitJobInput'), schema.getType('Job'))).toEqual(['idempotencyKey']);
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
