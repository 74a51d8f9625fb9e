/** The tables that compare the command line and the API with others: what they say of Cloister is there. */

import { Command } from 'commander';
import { buildSchema, type GraphQLObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { addClientCommands } from '../../src/client/program.ts';
import { readDocument, tableOf } from './documents.ts';

const schema = buildSchema(readDocument('schema/schema.graphql'));

/** What stands in code in a cell. */
const codeIn = (cell: string): readonly string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe('the API compared with those of Docker and go-judge', () => {
  const ROOTS: Readonly<Record<string, GraphQLObjectType | null | undefined>> = {
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  };

  it.each(tableOf('docs/clients.md', 'To').map((row) => [row[0] ?? '', row[1] ?? '']))(
    'has what it says: %s',
    (_to, cell) => {
      const operations = codeIn(cell).flatMap((code) => {
        const [, root, name, args = ''] =
          /^(query|mutation|subscription) (\w+)(?:\(([^)]*)\))?$/.exec(code) ?? [];
        return root === undefined || name === undefined ? [] : [{ root, name, args }];
      });
      for (const { root, name, args } of operations) {
        const field = ROOTS[root]?.getFields()[name];
        expect(field, `${root} ${name}`).toBeDefined();
        const input = field?.args
          .find((arg) => arg.name === 'input')
          ?.type.toString()
          .replace('!', '');
        const inputType = input === undefined ? undefined : schema.getType(input);
        const known = [
          ...(field?.args.map((arg) => arg.name) ?? []),
          ...(inputType !== undefined && 'getFields' in inputType ? Object.keys(inputType.getFields()) : []),
        ];
        expect(known).toEqual(expect.arrayContaining(args.split(/[,:\s]+/).filter((arg) => arg !== '')));
      }
    },
  );

  it('has operations in most rows', () => {
    const rows = tableOf('docs/clients.md', 'To');
    expect(rows.filter((row) => /`(query|mutation|subscription) /.test(row[1] ?? '')).length).toBeGreaterThan(
      6,
    );
  });
});

describe('the command line compared with docker and gh', () => {
  const program = new Command('cloister').enablePositionalOptions();
  addClientCommands(program);
  // Of other parts of the program.
  const OTHERS = ['image', 'doctor', 'backup', 'help'];
  const flagsOf = (name: string): readonly string[] =>
    program.commands
      .find((command) => command.name() === name)
      ?.options.flatMap(({ short, long }) => [
        ...(short === undefined ? [] : [short]),
        ...(long === undefined ? [] : [long]),
      ]) ?? [];

  it.each(tableOf('docs/cli.md', 'To').map((row) => [row[0] ?? '', row]))(
    'has what it says: %s',
    (_to, row) => {
      for (const code of codeIn((row[2] ?? '').replaceAll('\\|', ' '))) {
        const words = code
          .replace(/^.*cloister /, '')
          .replace(/'[^']*'/g, 'x')
          .split(/\s+/);
        const [first = ''] = words;
        if (first.startsWith('@')) continue;
        const name = first.startsWith('-') ? 'run' : first;
        if (OTHERS.includes(name)) continue;
        expect(program.commands.map((command) => command.name())).toContain(name);
        const end = words.findIndex((word, index) => index > 0 && !word.startsWith('-') && name === 'run');
        for (const word of end === -1 ? words : words.slice(0, end)) {
          if (!/^--?[a-z]/.test(word)) continue;
          const spelt = /^-[a-z]{2,}$/.test(word) ? [...word.slice(1)].map((letter) => `-${letter}`) : [word];
          expect(flagsOf(name), `${name} ${word}`).toEqual(expect.arrayContaining(spelt));
        }
      }
    },
  );
});
