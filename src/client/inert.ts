/**
 * Makes untrusted text harmless on a terminal: what would move the cursor, change colours, or reorder or break the line
 * is shown as an escape (`\x1b`, `\n`, `\u{202e}`).
 */
export const inert = (text: string): string => text.replace(ACTIVE, shown);

// Cc: C0 and C1 controls and DEL. Cf: invisible, bidirectional. Zl, Zp: line breaks. Cs: lone surrogates.
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const shown = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).padStart(2, '0');
  return NAMED[character] ?? (code < 0x100 ? `\\x${hex}` : `\\u{${hex}}`);
};
