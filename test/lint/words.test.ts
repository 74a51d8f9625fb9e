/** The check of words, on small files that have one phrase each. */

import { expect, it } from 'vitest';
import { checkOf } from './checks.ts';

const check = checkOf('words.ts');
const PURPOSE = '/** What it is for. */\n';

it.each([
  ['const x = tellLimits();', 'tell'],
  ['const retell_all = told;', 'told'],
  ['class LogTeller { #tell() {} }', 'tell'],
  ['// Whoever reads this.', 'Whoever'],
  ['/* It lets\n * go of it. */', 'lets\n * go of'],
  ['// Running jobs go on, as before.', 'go on'],
  ['// The log goes\n// on after that.', 'goes\n// on'],
  ['// Eight jobs at a time.', 'jobs at a time'],
  ['// The events behind a number.', 'events behind'],
  ['// It waits for\n// ever.', 'for\n// ever'],
  ['// Shown to who asks, of whom none is left.', 'to who'],
  ['// It cannot be had here.', 'cannot be had'],
  ['// What it\n// consumes is counted.', 'What it\n// consumes'],
  ['// The index is beside the log.', 'beside'],
  ['// It runs all the\n// same.', 'all the\n// same'],
  ['// The folder is of no use any more.', 'of no use'],
  ['// A job that has yet to end.', 'has yet to'],
  ['const limit = strangerLimits();', 'stranger'],
  ['// The client sends signs of life.', 'signs of life'],
  ['// What came of a request.', 'What came of'],
])('refuses %j', (line, phrase) => {
  const { status, errors } = check({ 'src/a.ts': `${PURPOSE}${line}\n` });
  expect(errors).toMatch(/^src\/a\.ts:2: [^\n]+\n$/);
  expect(errors).toContain(`${JSON.stringify(phrase)}: expected `);
  expect(status).toBe(1);
});

it.each([
  'The switch goes on the shelf, one at a time, and so many times that it leaves a mark behind.',
  'Stale tellers foretold a stand behind a proxy: what is going on?',
  'A look for everything: to whom it belongs, and how it came to be.',
  'Programs that run on a machine, and go on to list what they let go.',
])('has nothing to say of %j', (line) => {
  expect(check({ 'docs/a.md': `${line}\n` })).toEqual({ status: 0, errors: '' });
});

it('refuses a source file that does not say what it is for', () => {
  const missing = check({ 'test/a.ts': "import 'b';\n", 'src/c.c': '#include "c.h"\n' });
  expect(missing).toEqual({
    status: 1,
    errors:
      'src/c.c:1: expected a comment on what it is for\ntest/a.ts:1: expected a comment on what it is for\n',
  });
  const described = {
    'src/c.c': '#include "c.h"\n',
    'src/c.h': '/* C. */\n',
    'a.sh': '#!/bin/sh\n# Runs it.\n',
  };
  expect(check(described)).toEqual({ status: 0, errors: '' });
});

it('reads documents at the root, and not what is generated', () => {
  expect(check({ 'README.md': 'A\nanew\n' }).errors).toBe('README.md:2: "anew": expected again\n');
  expect(check({ 'src/generated/a.ts': 'anew', LICENSE: 'anew' })).toEqual({ status: 0, errors: '' });
});
