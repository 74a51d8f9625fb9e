/** Tables: aligned columns for a terminal, tab-separated values for another program. */

import stringWidth from 'string-width';
import { type Format, styled } from './style.ts';

/** A cell; its text must be inert. */
export interface Cell {
  readonly text: string;
  readonly format?: Format;
}

/**
 * Formats rows with the same number of cells as lines.
 *
 * @param width columns of the terminal, to which lines are cut; 0: its width is not known, so nothing is cut;
 *   `undefined`: no terminal, so nothing is padded or cut
 */
export const tableLines = (rows: readonly (readonly Cell[])[], width: number | undefined): string => {
  if (width === undefined) return rows.map((row) => row.map(({ text }) => text).join('\t')).join('\n');
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => stringWidth(row[column]?.text ?? ''))),
  );
  return rows.map((row) => line(row, widths, width || Number.POSITIVE_INFINITY)).join('\n');
};

const line = (row: readonly Cell[], widths: readonly number[], width: number): string => {
  let used = 0;
  let text = '';
  for (const [column, cell] of row.entries()) {
    const room = width - used;
    if (room <= 0) break;
    const shown = cut(cell.text, room);
    text += cell.format === undefined ? shown : styled(cell.format, shown);
    used += stringWidth(shown);
    if (column === row.length - 1 || used >= width) break;
    const gap = Math.min((widths[column] ?? 0) + 2 - stringWidth(shown), width - used);
    text += ' '.repeat(gap);
    used += gap;
  }
  return text.trimEnd();
};

const segmenter = new Intl.Segmenter();

/** As much of a text as fits, with `…` at the end if it is cut. */
export const cut = (text: string, width: number): string => {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const more = stringWidth(segment);
    if (used + more > width - 1) break;
    kept += segment;
    used += more;
  }
  return `${kept}…`;
};
