/**
 * Checks the words of code and documents: `node lint/words.ts`. Every source file opens with a comment on what it is
 * for, and no file has one of the phrases below, for each of which there is a usual word of the field.
 */

import { existsSync, globSync, readFileSync, statSync } from 'node:fs';

const PAUSE = '[.,;:)`\'"]|\\s+(?:and|after|with|until|while|when|where|from)\\b';

/**
 * Phrases as regular expressions, and what to write instead. A space stands for a line break within a comment too. None
 * of them has another use in this project; a legitimate new one is a reason to make its entry narrower.
 */
const PHRASES: Readonly<Record<string, string>> = {
  'tells?|told': 'say, report or distinguish',
  'who(?:m)?ever': 'the one who',
  anew: 'again',
  'for want of': 'without',
  'of its own accord': 'by itself',
  'to a stand': 'frozen or paused',
  '(?:lets?|letting) go of': 'close or release',
  '(?:comes?|came) about': 'happen or be made',
  'takes? up what': 'recover or adopt',
  'what it consume[sd]': 'its usage',
  '(?:last|after|at most) so many': 'the number',
  [`(?:go|goes) on(?=${PAUSE})`]: 'continue',
  '(?:two|three|several \\w+|jobs|processes|threads|connections|most) at a time': 'at once',
  '(?:events?|rows?|pages?|bytes|lies?|those|more) behind': 'after',
  'for ever': 'forever',
  '(?:to|for|as) who': 'the one who',
  '(?:can|cannot|could|to) be had': 'available',
  'nothing to say of': 'accepts',
  '(?:comes?|came) to (?:none|nothing|lie)': 'fail or be',
  'audit trail': 'audit log',
  beside: 'next to, in addition to or compared with',
  'all the same': 'nevertheless or still',
  'of no use': 'useless, or not needed',
  'for so long|so lately': 'for this long or recently',
  '(?:are|is) to (?:be had|hand)': 'available',
  'tak(?:es?|ing|en) back': 'revoke or undo',
  '(?:has|have) yet to': 'not yet',
  'furniture|mortals?': 'mounts or restartable server',
  'strangers?': 'unauthenticated, anonymous or other callers',
  'signs? of life': 'ping or keep-alive',
  'what c[ao]mes? of': 'its outcome or result',
};

// A name is made of words too: `tellLimits` and `tell_limits` have "tell".
const WORD_START = '(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=[A-Z]))';
const WORD_END = '(?![a-z0-9])';

const patterns = Object.entries(PHRASES).map(([phrase, instead]) => {
  const anyCase = phrase.replace(/^[a-z]|(?<=[|:])[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
  const spaced = anyCase.replaceAll(' ', '[\\s*/#]+');
  return { instead, found: new RegExp(`${WORD_START}(?:${spaced})${WORD_END}`, 'g') };
});

// The work of others, what is made from other files, and what quotes the phrases.
const LEFT_OUT =
  /^(?:LICENSE|package-lock\.json|(?:test\/)?lint\/words\.(?:test\.)?ts)$|\/generated\/|\.(?:png|gif)$/;
const SOURCE = /\.(?:ts|js|c|h|sh)$/;
const FOLDERS = '{src,rootfs,lint,test,docs,examples,schema,bin}/**/*';

/** A file of C is described by its header. */
const isDescribed = (file: string, text: string): boolean =>
  /^(?:#!.*\n+)?(?:\/[*/]|# )/.test(text) || (file.endsWith('.c') && existsSync(file.replace(/c$/, 'h')));

const errors: string[] = [];
for (const file of globSync(['*', FOLDERS]).sort()) {
  if (LEFT_OUT.test(file) || !statSync(file).isFile()) continue;
  const text = readFileSync(file, 'utf8');
  if (SOURCE.test(file) && !isDescribed(file, text))
    errors.push(`${file}:1: expected a comment on what it is for`);
  for (const { found, instead } of patterns)
    for (const { 0: match, index } of text.matchAll(found)) {
      const line = text.slice(0, index).split('\n').length;
      errors.push(`${file}:${line}: ${JSON.stringify(match)}: expected ${instead}`);
    }
}
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exitCode = 1;
