import { element, text, title } from '../picture/svg.ts';
import type { Line } from './play.ts';

const COLOURS = {
  paper: '#16202c',
  bar: '#223244',
  comment: '#7f93a8',
  typed: '#f4f1e8',
  printed: '#bcd3c6',
  prompt: '#f2a65a',
} as const;
const LINE = 20;
const MARGIN = 22;
const BAR = 34;
const FONT_SIZE = 14;
/** Width of a character as a fraction of the font size, in all fonts of FONT. */
const ADVANCE = 0.602;
const FONT = "'DejaVu Sans Mono', Menlo, Consolas, monospace";
/** For each typed character. */
const TYPING_MS = 18;

/**
 * Draws a terminal that replays the session in real time. A viewer without animations shows all of it.
 *
 * @param columns the longest line; longer lines are cut
 * @param heading the title of the picture
 */
export function drawSession(lines: readonly Line[], columns: number, heading: string): string {
  const width = Math.ceil(columns * FONT_SIZE * ADVANCE) + 2 * MARGIN;
  const height = BAR + lines.length * LINE + 2 * MARGIN;
  const dots = [0, 1, 2].map((n) =>
    element('circle', { cx: MARGIN + n * 20, cy: BAR / 2, r: 5.5, fill: COLOURS.comment }),
  );
  const style = element('style', {}, '@keyframes come{from{opacity:0}}text{animation:come 1ms linear both}');
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      'font-family': FONT,
      'font-size': FONT_SIZE,
    },
    title(heading),
    style,
    element('rect', { width, height, rx: 10, fill: COLOURS.paper }),
    element('path', {
      d: `M0 ${BAR}V10a10 10 0 0 1 10-10H${width - 10}a10 10 0 0 1 10 10V${BAR}Z`,
      fill: COLOURS.bar,
    }),
    ...dots,
    ...lines.map((line, row) => drawLine(line, row, columns)),
  );
}

function drawLine({ kind, atMs, text: content }: Line, row: number, columns: number): string {
  const at = { y: BAR + MARGIN + (row + 0.7) * LINE, 'xml:space': 'preserve' };
  const shown = content.slice(0, columns - 2);
  const style = (ms: number) => `animation-delay:${Math.round(ms)}ms`;
  if (kind !== 'typed') {
    const fill = COLOURS[kind];
    return text(kind === 'comment' ? `# ${shown}` : shown, { ...at, x: MARGIN, fill, style: style(atMs) });
  }
  const x = MARGIN + 2 * FONT_SIZE * ADVANCE;
  const typedMs = atMs + Math.min(600, shown.length * TYPING_MS);
  return (
    text('$', { ...at, x: MARGIN, fill: COLOURS.prompt, style: style(atMs) }) +
    text(shown, { ...at, x, fill: COLOURS.typed, 'font-weight': 'bold', style: style(typedMs) })
  );
}
