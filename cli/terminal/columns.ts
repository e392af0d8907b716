import measure from 'fast-string-truncated-width';

const GAP = '  ';
const ELLIPSIS = '…';
const SEQUENCE = /(\p{Cc}\[[\d;]*m)/u;
const CHARACTERS = new Intl.Segmenter();

/** The cells that a text takes on a terminal. Colours take none. */
export function displayWidth(text: string): number {
  return measure(text).width;
}

/** Cuts the text to `cells`, with an ellipsis. Colours end where the text is cut. */
export function clip(text: string, cells: number): string {
  if (displayWidth(text) <= cells) return text;
  const room = cells - ELLIPSIS.length;
  let kept = '';
  let width = 0;
  for (const part of partsOf(text)) {
    width += displayWidth(part);
    if (width > room) break;
    kept += part;
  }
  const reset = text.includes('\x1b[') ? '\x1b[0m' : '';
  return `${kept}${room < 0 ? '' : ELLIPSIS}${reset}`;
}

/**
 * Breaks the text into lines of at most `cells`, at blanks. A word that is longer than a line is cut, or with `cutsWords:
 * false` stays whole on a line that is too long.
 */
export function wrap(text: string, cells: number, { cutsWords = true } = {}): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(' ')) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    if (displayWidth(longer.trimEnd()) <= cells) {
      line = longer;
      continue;
    }
    if (line !== undefined) lines.push(line);
    const pieces = cutsWords ? cut(word, cells) : [word];
    line = pieces.pop();
    lines.push(...pieces);
  }
  return [...lines, line ?? ''].map((one) => one.trimEnd());
}

function cut(word: string, cells: number): string[] {
  const pieces = [''];
  for (const part of partsOf(word)) {
    const longer = pieces.at(-1) + part;
    if (displayWidth(longer) <= cells) pieces[pieces.length - 1] = longer;
    else pieces.push(part);
  }
  return pieces;
}

/** The parts that must not be cut: escape sequences and grapheme clusters. */
function* partsOf(text: string): Generator<string> {
  // The expression has a group, so split returns the separators too, at odd indexes.
  for (const [index, run] of text.split(SEQUENCE).entries()) {
    if (index % 2 === 1) yield run;
    else for (const { segment } of CHARACTERS.segment(run)) yield segment;
  }
}

/** Pads the text with blanks on the right. */
export function pad(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - displayWidth(text)));
}

export interface TableOptions {
  /** Cells of a row that do not fit into this width go to lines below the row. Default: no limit. */
  lineWidth?: number;
  /** Whether to draw a rule between the head and the rows. */
  rule?: boolean;
}

/** Indentation of the lines below a row. */
const INDENT = '  ';
/** Text is never wrapped to less than this, however narrow the terminal is. */
export const NARROWEST = 20;

/** A table. Columns are as wide as their widest cell. Cells can have colours, and must be escaped. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { lineWidth = Number.POSITIVE_INFINITY, rule = false }: TableOptions = {},
): string {
  const widths = head.map((cell, column) =>
    Math.max(displayWidth(cell), ...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join(GAP)
      .trimEnd();
  const named = head.slice(0, fitting(head, widths, lineWidth));
  const rules = rule
    ? [clip(line(named.map((_, column) => '─'.repeat(widths[column] ?? 0))), lineWidth)]
    : [];
  const lines = rows.flatMap((row) => {
    const fit = Math.min(named.length, fitting(row, widths, lineWidth));
    const rest = row.flatMap((cell, column) =>
      column < fit || cell === '' ? [] : [`${head[column]}: ${cell}`],
    );
    return [line(row.slice(0, fit)), ...below(rest, lineWidth)];
  });
  return [line(named), ...rules, ...lines].join('\n');
}

/** How many cells of a row, from the left, fit into the line. The first cell always counts. */
function fitting(cells: readonly string[], widths: readonly number[], lineWidth: number): number {
  let start = 0;
  const over = cells.findIndex((cell, column) => {
    const end = start + displayWidth(cell);
    start += (widths[column] ?? 0) + GAP.length;
    return column > 0 && cell !== '' && end > lineWidth;
  });
  return over < 0 ? cells.length : over;
}

function below(cells: readonly string[], lineWidth: number): string[] {
  if (cells.length === 0) return [];
  const room = Math.max(NARROWEST, lineWidth - INDENT.length);
  return wrap(cells.join(GAP), room).map((line) => INDENT + line);
}
