/** Draws recorded terminals as an SVG that plays them: plain text and CSS, so that it plays inside an <img>. */

import type { Line, Terminal } from './session.ts';

export interface DrawOptions {
  /** Characters in a line; longer lines are cut. */
  readonly columns: number;
  /** Lines that each terminal shows at once, in order; earlier ones scroll away. */
  readonly rows: readonly number[];
  /** What the picture shows, for people who cannot see it. */
  readonly description: string;
}

/** Longest time, in ms, in which nothing happens: a longer one is shortened to it. */
const IDLE_MOST_MS = 1500;
/** How long the last picture stays before it begins again. */
const HOLD_MS = 4000;

const CHARACTER = 7.8;
const ROW = 18;
const PADDING = 12;
const TITLE = 26;

/** @returns the SVG, as text */
export const draw = (terminals: readonly Terminal[], { columns, rows, description }: DrawOptions): string => {
  const time = timeline(terminals.flatMap(({ lines }) => lines.map(({ atMs }) => atMs)));
  const width = Math.ceil(columns * CHARACTER) + 2 * PADDING;
  const styles: string[] = [];
  const panes: string[] = [];
  let y = 0;
  for (const [index, terminal] of terminals.entries()) {
    const shown = rows[index] ?? terminal.lines.length;
    const pane = drawPane(terminal, { name: `p${index}`, shown, columns, width, time });
    styles.push(...pane.styles);
    panes.push(`<g transform="translate(0 ${y})">${pane.body}</g>`);
    y += TITLE + shown * ROW + PADDING;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">
<title>${escapeXml(description)}</title>
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}
.t{fill:#8b949e}.c{fill:#7ee787;font-weight:bold}
.a{animation-duration:${time.totalMs}ms;animation-iteration-count:infinite;animation-timing-function:step-end}
${styles.join('\n')}
@media (prefers-reduced-motion:reduce){.a{animation:none}}
</style>
<rect width="${width}" height="${y}" rx="6" fill="#0d1117"/>
${panes.join('\n')}
</svg>
`;
};

interface Timeline {
  readonly totalMs: number;
  /** When something happens, in percent of the whole. */
  readonly percent: (atMs: number) => string;
}

const timeline = (times: readonly number[]): Timeline => {
  const sorted = [...new Set(times)].sort((one, other) => one - other);
  const played = new Map<number, number>();
  let before = sorted[0] ?? 0;
  let now = 0;
  for (const at of sorted) {
    now += Math.min(IDLE_MOST_MS, at - before);
    before = at;
    played.set(at, now);
  }
  const totalMs = Math.round(now + HOLD_MS);
  return { totalMs, percent: (atMs) => `${((100 * (played.get(atMs) ?? 0)) / totalMs).toFixed(2)}%` };
};

interface PaneOptions {
  readonly name: string;
  readonly shown: number;
  readonly columns: number;
  readonly width: number;
  readonly time: Timeline;
}

const drawPane = (
  { title, lines }: Terminal,
  { name, shown, columns, width, time }: PaneOptions,
): { readonly styles: string[]; readonly body: string } => {
  const scrolled = (count: number): number => -Math.max(0, count - shown) * ROW;
  // Of lines that come at the same time the last one says how far to scroll.
  const steps = new Map(lines.map(({ atMs }, index) => [time.percent(atMs), scrolled(index + 1)]));
  const scrolling = [...steps].map(([percent, y]) => `${percent}{transform:translateY(${y}px)}`);
  const styles = [
    `.${name}{animation-name:${name};transform:translateY(${scrolled(lines.length)}px)}`,
    `@keyframes ${name}{${scrolling.join('')}}`,
    ...lines.map(
      ({ atMs }, index) =>
        `.${name}l${index}{animation-name:${name}l${index}}@keyframes ${name}l${index}{0%{opacity:0}${time.percent(atMs)}{opacity:1}}`,
    ),
  ];
  const texts = lines.map((line, index) => {
    const y = index * ROW + 14;
    return `<text class="a ${name}l${index}${line.typed ? ' c' : ''}" x="${PADDING}" y="${y}">${escapeXml(cut(line, columns))}</text>`;
  });
  return {
    styles,
    body: `<rect width="${width}" height="${TITLE - 4}" fill="#161b22"/><text class="t" x="${PADDING}" y="15">${escapeXml(title)}</text>
<svg y="${TITLE}" width="${width}" height="${shown * ROW}"><g class="a ${name}">
${texts.join('\n')}
</g></svg>`,
  };
};

const cut = ({ text, typed }: Line, columns: number): string => {
  const line = typed ? `$ ${text}` : text;
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
};

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
