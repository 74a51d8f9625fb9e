/** The check of docstrings, on small files. */

import { expect, it } from 'vitest';
import { checkOf } from './checks.ts';

const check = checkOf('docstrings.ts');
let lines: readonly string[] | undefined;

/** What it says of all the files below, in one run. */
const found = (): readonly string[] => {
  const files = (kind: string, texts: readonly string[]) =>
    texts.map((text, index) => [`src/${kind}-${index}.ts`, `/** What it is for. */\n\n${text}\n`] as const);
  if (lines !== undefined) return lines;
  const refused = files(
    'refused',
    REFUSED.map(([text]) => text),
  );
  const { errors } = check(Object.fromEntries([...refused, ...files('accepted', ACCEPTED)]));
  lines = errors.trimEnd().split('\n');
  return lines;
};

const REFUSED = [
  ['export function a(): void {}', 'a'],
  ['export async function* a(): AsyncIterable<void> {}', 'a'],
  ['export const a = (b: number): number => b;', 'a'],
  ['export const a = async <T>(b: T): Promise<T> => b;', 'a'],
  ['export const a =\n  (b: () => void) =>\n  (c: number): number => c;', 'a'],
  ["export const a: Add = (\n  b: (c: string) => void,\n): ((d: ')') => void) => b;", 'a'],
  ['export class A {}', 'A'],
  ['// A remark.\nexport abstract class A implements B {}', 'A'],
  ['/** A. */\nexport class A {\n  b(): void {}\n}', 'A.b'],
  [
    '/** A. */\nexport class A<T>\n  extends B<T>\n{\n  static async b<C>(\n    c: C,\n  ): Promise<C> {}\n}',
    'A.b',
  ],
  ['/** A. */\nexport class A {\n  /** B. */\n  b(): void {}\n\n  get c(): number {}\n}', 'A.c'],
  ['/** A. */\nexport interface A {\n  b(): void;\n}', 'A.b'],
  ['export interface A {\n  readonly b: number;\n}', 'A'],
  ['export interface A extends B {}', 'A'],
  ["export type A = 'b' | 'c';", 'A'],
  ['export type A<T> =\n  | readonly T[]\n  | B;', 'A'],
] as const;

const ACCEPTED = [
  "/** B. */\nexport const BS = ['c'] as const;\nexport type B = (typeof BS)[number];",
  'type B = string;\ninterface C {\n  d(): void;\n}',
  '/** B. */\nexport const b = (): void => undefined;',
  '/**\n * B.\n *\n * @returns 1\n */\nexport const b = (): number => 1;',
  'const b = (): void => undefined;\nfunction c(): void {}\nclass D {\n  e(): void {}\n}',
  'export const b = [1, 2].map((c) => c);\nexport const d = (1 + 2) * 3;\nexport const e = { f: () => 1 };',
  '/** B. */\nexport class B {\n  constructor(c: number) {\n    if (c) d();\n  }\n\n  #e(): void {}\n\n  private f(): void {}\n}',
  '/** B. */\nexport class B implements C {\n  d(): void {}\n}',
  '/** B. */\nexport class B\n  extends E\n  implements C, D\n{\n  d(): void {}\n}',
  '/** B. */\nexport interface B {\n  readonly c: () => void;\n}\nclass D {\n  e(): void {}\n}',
];

it.each(REFUSED.map(([text, name], index) => [text, name, index] as const))(
  'refuses %j',
  (_text, name, index) => {
    const lines = found().filter((line) => line.startsWith(`src/refused-${index}.ts:`));
    expect(lines).toEqual([expect.stringMatching(new RegExp(`:\\d+: expected a docstring of ${name}$`))]);
  },
);

it.each(ACCEPTED.map((text, index) => [text, index] as const))('accepts %j', (_text, index) => {
  expect(found().filter((line) => line.startsWith(`src/accepted-${index}.ts:`))).toEqual([]);
});

const THROWING = [
  ['/** A. */\nexport const a = (b: number): void => {\n  if (b < 0) throw new RangeError("b");\n};', 'a'],
  ['/** A. */\nexport const a = (b: number): void => {\n  if (b < 0)\n    throw badInput("b");\n};', 'a'],
  ['/** A. */\nexport function a(b?: Error): void {\n  throw b === undefined ? c : b;\n}', 'a'],
  ['/** A. */\nexport class A {\n  /** B. */\n  b(): void {\n    throw new Error("c");\n  }\n}', 'A.b'],
  ['/** A. */\nexport class A implements B {\n  c(): void {\n    throw new Error("c");\n  }\n}', 'A.c'],
] as const;

it.each(THROWING)('refuses what throws and does not say so: %j', (text, name) => {
  const { errors } = check({ 'src/a.ts': `/** A file. */\n\n${text}\n` });
  expect(errors).toMatch(
    new RegExp(`^src/a\\.ts:\\d+: expected @throws in the docstring of ${name.replace('.', '\\.')}\n$`),
  );
});

it.each([
  '/**\n * A.\n *\n * @throws RangeError for a b below 0\n */\nexport const a = (b: number): void => {\n  if (b < 0) throw new RangeError("b");\n};',
  '/** A. */\nexport const a = (): void => {\n  try {\n    b();\n  } catch (error) {\n    throw error;\n  }\n};',
  '/** A. */\nexport const a = (): void => c();\n\nconst c = (): void => {\n  throw new Error("c");\n};',
  '/** B. */\nexport interface B {\n  /** @throws Error always */\n  c(): void;\n}\n\n/** A. */\nexport class A implements B {\n  c(): void {\n    throw new Error("c");\n  }\n}',
])('accepts what says so, what only passes an error on, and what throws in another place: %j', (text) => {
  expect(check({ 'src/a.ts': `/** A file. */\n\n${text}\n` })).toEqual({ status: 0, errors: '' });
});

it('refuses a docstring of nothing', () => {
  const { errors } = check({
    'src/a.ts': '/** A file. */\n\n/** B. */\n/** C. */\nexport const c = (): void => undefined;\n',
  });
  expect(errors).toBe('src/a.ts:3: expected a declaration after a docstring\n');
});

it('fails when it finds something, and only then', () => {
  expect(check({ 'src/a.ts': ACCEPTED[0] ?? '' })).toEqual({ status: 0, errors: '' });
  expect(check({ 'src/a.ts': REFUSED[0][0] }).status).toBe(1);
});

it('reads the sources, and neither what is generated nor the tests', () => {
  const text = 'export class A {}\n';
  const { errors } = check({ 'rootfs/a.ts': text, 'src/b/generated/a.ts': text, 'test/a.ts': text });
  expect(errors).toBe('rootfs/a.ts:1: expected a docstring of A\n');
});

it('refuses a function of a header of the launcher without a comment', () => {
  const header = [
    '/* A number. */',
    'int a_number(const char *text);',
    '__attribute__((noreturn)) void a_fault(const char *format, ...);',
    '',
    'struct a {',
    '  int (*call)(int);',
    '};',
    '/* Much. */',
    'unsigned long a_much(struct a *a,',
    '                     int more);',
    'char *a_text(void);',
  ].join('\n');
  const { errors } = check({
    'src/runtime/launcher/a.h': header,
    'src/runtime/launcher/a.c': 'int b(void);\n',
  });
  expect(errors.split('\n')).toEqual([
    'src/runtime/launcher/a.h:3: expected a comment on a_fault',
    'src/runtime/launcher/a.h:11: expected a comment on a_text',
    '',
  ]);
});
