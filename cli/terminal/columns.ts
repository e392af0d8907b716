import measure from 'fast-string-truncated-width';

const GAP = '  ';
const ELLIPSIS = '…';

/** Cells that a text takes on a terminal; colours take none. */
export function widthOf(text: string): number {
  return measure(text).width;
}

/** The text as far as it has room, with an ellipsis where something is missing. Colours end where it is cut. */
export function clip(text: string, cells: number): string {
  const { index, truncated, ellipsed } = measure(text, { limit: cells, ellipsis: ELLIPSIS });
  if (!truncated) return text;
  const reset = text.includes('\x1b[') ? '\x1b[0m' : '';
  return `${text.slice(0, index)}${ellipsed ? ELLIPSIS : ''}${reset}`;
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
