import measure from 'fast-string-truncated-width';

const GAP = '  ';
const ELLIPSIS = '…';
const SEQUENCE = /(\p{Cc}\[[\d;]*m)/u;
const CHARACTERS = new Intl.Segmenter();

/** Cells that a text takes on a terminal; colours take none. */
export function widthOf(text: string): number {
  return measure(text).width;
}

/** The text as far as it has room, with an ellipsis where something is missing. Colours end where it is cut. */
export function clip(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  const room = cells - ELLIPSIS.length;
  let kept = '';
  let width = 0;
  for (const part of partsOf(text)) {
    width += widthOf(part);
    if (width > room) break;
    kept += part;
  }
  const reset = text.includes('\x1b[') ? '\x1b[0m' : '';
  return `${kept}${room < 0 ? '' : ELLIPSIS}${reset}`;
}

/** What must not be cut in two: escape sequences, and what a person takes for one character. */
function* partsOf(text: string): Generator<string> {
  // With a group in its expression, split keeps what it splits at: every second one.
  for (const [index, run] of text.split(SEQUENCE).entries()) {
    if (index % 2 === 1) yield run;
    else for (const { segment } of CHARACTERS.segment(run)) yield segment;
  }
}

/** Filled up with blanks on the right. */
export function pad(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - widthOf(text)));
}

export interface TableOptions {
  /** A longer line is clipped; by default none is. */
  lineWidth?: number;
  /** A rule between the head and the rows. */
  rule?: boolean;
}

/** Rows below a head, in columns as wide as their widest cell. Cells may be painted, and must be escaped. */
export function columns(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { lineWidth = Number.POSITIVE_INFINITY, rule = false }: TableOptions = {},
): string {
  const widths = head.map((cell, column) =>
    Math.max(widthOf(cell), ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) => pad(cell, widths[column] ?? 0));
    return clip(padded.join(GAP).trimEnd(), lineWidth);
  };
  const rules = rule ? [widths.map((width) => '─'.repeat(width))] : [];
  return [head, ...rules, ...rows].map(line).join('\n');
}
