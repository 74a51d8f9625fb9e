/** The codes and messages of errors. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphQLError, isEnumType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { badInput, ClientError } from '../../src/jobs/errors.ts';
import { presentError, unauthenticated, withCode } from '../../src/resolvers/errors.ts';
import { schema } from '../../src/resolvers/schema.ts';

const present = (error: unknown) => {
  const reported: unknown[] = [];
  const { message, extensions, path } = presentError(error, (cause) => reported.push(cause));
  return { message, code: extensions['code'], extensions, path, reported };
};

describe('presentError', () => {
  it('passes on mistakes of the caller unchanged', () => {
    const mistake = badInput('input.name', 'text', 5);
    expect(present(new GraphQLError('located', { originalError: mistake, path: ['a'] }))).toMatchObject({
      message: 'input.name: expected text, got 5',
      extensions: { code: 'BAD_USER_INPUT', field: 'input.name' },
      path: ['a'],
      reported: [],
    });
    expect(present(new ClientError('NOT_FOUND', 'gone')).extensions).toEqual({ code: 'NOT_FOUND' });
  });

  it('passes on errors that have a code', () => {
    const { message } = unauthenticated();
    expect(present(unauthenticated())).toMatchObject({ message, code: 'UNAUTHENTICATED', reported: [] });
  });

  it('passes on errors of graphql-js about variables and arguments', () => {
    const variable = new GraphQLError('Variable "$a" got invalid value 5');
    const argument = new GraphQLError('Argument "id" must not be null.', { path: ['job'] });
    expect(present(variable)).toMatchObject({
      message: variable.message,
      code: 'BAD_USER_INPUT',
      reported: [],
    });
    expect(present(argument)).toMatchObject({
      message: argument.message,
      code: 'BAD_USER_INPUT',
      reported: [],
    });
  });

  it.each([
    ['an error', new Error('SECRET')],
    ['a value that is not an Error', 'SECRET'],
    [
      'an error in its place',
      new GraphQLError('SECRET', { originalError: new Error('SECRET'), path: ['a'] }),
    ],
    [
      'an error of graphql-js about a result',
      new GraphQLError('Int cannot represent SECRET', { path: ['a'] }),
    ],
  ])('masks %s, and reports it', (_name, error) => {
    const shown = present(error);
    expect(shown).toMatchObject({ message: 'Unexpected error.', code: 'INTERNAL_SERVER_ERROR' });
    expect(JSON.stringify(shown.extensions)).not.toContain('SECRET');
    expect(shown.reported).toEqual([error instanceof GraphQLError ? (error.originalError ?? error) : error]);
  });
});

describe('withCode', () => {
  it('adds a code to an error without one', () => {
    const bare = new GraphQLError('m', { extensions: { http: { status: 400 } } });
    expect(withCode(bare, 'NOT_FOUND').extensions).toEqual({ code: 'NOT_FOUND', http: { status: 400 } });
    expect(withCode(withCode(bare, 'NOT_FOUND'), 'FORBIDDEN').extensions['code']).toBe('NOT_FOUND');
  });
});

describe('docs/errors.md', () => {
  it('has each code of the schema with its description, in order', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
    const type = schema.getType('ErrorCode');
    const values = isEnumType(type) ? type.getValues() : [];
    expect(values.length).toBeGreaterThan(0);
    expect(rows).toEqual(values.map(({ name, description }) => [name, description]).sort());
  });
});
