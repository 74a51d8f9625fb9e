/** Colours, where the output is a terminal that has them and NO_COLOR (no-color.org) does not forbid them. */

import { styleText } from 'node:util';

type Stream = NodeJS.WriteStream;
export type Format = Parameters<typeof styleText>[0];

/** The text in a format, or as it is where `stream` takes none. */
export const styled = (format: Format, text: string, stream: Stream = process.stdout): string =>
  process.env['TERM'] === 'dumb' ? text : styleText(format, text, { stream, validateStream: true });
