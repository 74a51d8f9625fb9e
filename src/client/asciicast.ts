/** Writes terminal sessions as asciicasts, version 2 (docs.asciinema.org/manual/asciicast/v2). */

/** The size of a terminal, in characters. */
export interface Size {
  readonly rows: number;
  readonly columns: number;
}

interface Session {
  readonly size: Size;
  /** RFC 3339; `null`: unknown. */
  readonly startedAt: string | null;
  readonly title: string | null;
  readonly command: string;
}

/** The first line of a recording. */
export const castHeader = ({ size, startedAt, title, command }: Session): string =>
  line({
    version: 2,
    width: size.columns,
    height: size.rows,
    ...(startedAt !== null && { timestamp: Math.floor(Date.parse(startedAt) / 1000) }),
    ...(title !== null && { title }),
    command,
  });

/** The line for output at a time, in milliseconds after the beginning. */
export const castOutput = (atMs: number, text: string): string => line([seconds(atMs), 'o', text]);

/** The line for a new size. */
export const castResize = (atMs: number, { rows, columns }: Size): string =>
  line([seconds(atMs), 'r', `${columns}x${rows}`]);

const seconds = (ms: number): number => Number((ms / 1000).toFixed(6));

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
