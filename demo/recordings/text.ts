import { wrap } from '../../cli/terminal/columns.ts';
import type { Line } from '../session/play.ts';

const PREFIXES = { comment: '# ', typed: '$ ', printed: '' } as const;

/** A recording as text, with a line for each typed or printed line. */
export function toText(lines: readonly Line[]): string {
  return `${lines.map(({ kind, text }) => `${PREFIXES[kind]}${text}`.trimEnd()).join('\n')}\n`;
}

/** Breaks lines into rows that fit the picture. Further rows of a line have its indentation. */
export function toRows(lines: readonly Line[], columns: number): Line[] {
  return lines.flatMap((line) => {
    const indent = /^ */.exec(line.text)?.[0] ?? '';
    const rows = wrap(line.text.trimStart(), columns - 2 - indent.length);
    return rows.map((text, row) => ({
      ...line,
      // Only the first row has a prompt.
      kind: row > 0 && line.kind === 'typed' ? ('printed' as const) : line.kind,
      text: `${indent}${row > 0 && line.kind === 'typed' ? '    ' : ''}${text}`,
    }));
  });
}
