/** Colours, if the output is a terminal that supports them and NO_COLOR (no-color.org) is not set. */

import { styleText } from 'node:util';

type Stream = NodeJS.WriteStream;
/** Colours and other formats, as `styleText` of Node.js names them. */
export type Format = Parameters<typeof styleText>[0];

/** The text in a format, or unchanged if `stream` supports none. */
export const styled = (format: Format, text: string, stream: Stream = process.stdout): string =>
  process.env['TERM'] === 'dumb' ? text : styleText(format, text, { stream, validateStream: true });
