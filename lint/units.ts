/**
 * Checks that numbers have their units in their names: `node lint/units.ts`. A parameter, field or variable of type
 * `number` is not called by a word for time or for bytes alone: `timeoutMs`, not `timeout`. A constant that is a multiple
 * of 1024 says of what: `MOST_UNREAD_BYTES`.
 *
 * It reads lines, as `imports.ts` does and for the same reasons. What is a number only by inference is not seen.
 */

import { globSync, readFileSync } from 'node:fs';

const WORDS: Readonly<Record<string, string>> = {
  'time|timeout|now|age|since|until|deadline|delay|interval|duration|period|grace|elapsed|lifetime|latency':
    'a unit such as Ms, Us or Ns',
  'size|memory|storage': 'a unit such as Bytes',
};

/** Names that others have given, by file. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  // A field of images.json.
  'rootfs/catalogue.ts': ['size'],
  // A field of the server's answer.
  'src/client/upload.ts': ['size'],
  // An option of ws.
  'src/client/web-socket.ts': ['closeTimeout'],
  // Columns of tables.
  'src/store/sqlite-audit.ts': ['time'],
  'src/store/sqlite-files.ts': ['size'],
  'src/store/sqlite-images.ts': ['size'],
  'src/store/sqlite-store.ts': ['time'],
  'src/store/unfinished.ts': ['memory'],
};

const patterns = Object.entries(WORDS).map(([words, expected]) => {
  const capital = words.replace(/(?<=^|\|)[a-z]/g, (letter) => letter.toUpperCase());
  const name = `((?:(?<![A-Za-z0-9_])(?:${words}))|[a-z]\\w*(?:${capital}))`;
  return {
    expected,
    found: new RegExp(`${name}\\??: (?:(?:null|undefined) \\| )?(?:number|bigint)\\b`, 'g'),
  };
});

/** A constant with a factor of 1024, and the names that need no unit: those of units. */
const BINARY =
  /^(?:export )?const ((?!\w*(?:BYTES|CHARACTERS)|[KMGT]IB\b)[A-Z][A-Z0-9_]*) = [^;\n]*(?:\* (?:1024|[KMGT]IB)\b|\b1024 \*)/gm;

const errors: string[] = [];
const used = new Set<string>();
for (const file of globSync(['src/**/*.ts', 'rootfs/**/*.ts']).sort()) {
  if (file.includes('/generated/')) continue;
  const text = readFileSync(file, 'utf8');
  for (const { 1: name = '', index } of text.matchAll(BINARY))
    errors.push(
      `${file}:${text.slice(0, index).split('\n').length}: ${name}: expected a unit such as BYTES or CHARACTERS`,
    );
  for (const { expected, found } of patterns)
    for (const { 1: name = '', index } of text.matchAll(found)) {
      if (OTHERS[file]?.includes(name)) {
        used.add(`${file} ${name}`);
        continue;
      }
      errors.push(`${file}:${text.slice(0, index).split('\n').length}: ${name}: expected ${expected}`);
    }
}
// "--incomplete" is for programs of which only some files are there.
if (!process.argv.includes('--incomplete'))
  for (const [file, names] of Object.entries(OTHERS))
    for (const name of names)
      if (!used.has(`${file} ${name}`))
        errors.push(`${file}: has no ${name}, which lint/units.ts leaves out`);
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exitCode = 1;
