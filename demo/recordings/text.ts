import { wrap } from '../../cli/terminal/columns.ts';
import type { Line } from '../session/play.ts';

const SIGNS = { comment: '# ', typed: '$ ', printed: '' } as const;

/** A recording as text, a line for each that was typed or printed. */
export function textOf(lines: readonly Line[]): string {
  return `${lines.map(({ kind, text }) => `${SIGNS[kind]}${text}`.trimEnd()).join('\n')}\n`;
}

/** The lines in rows that have room in a picture; what goes on in the next row begins where the first one did. */
export function inRows(lines: readonly Line[], columns: number): Line[] {
  return lines.flatMap((line) => {
    const indent = /^ */.exec(line.text)?.[0] ?? '';
    const rows = wrap(line.text.trimStart(), columns - 2 - indent.length);
    return rows.map((text, row) => ({
      ...line,
      // Only the first one has a prompt.
      kind: row > 0 && line.kind === 'typed' ? ('printed' as const) : line.kind,
      text: `${indent}${row > 0 && line.kind === 'typed' ? '    ' : ''}${text}`,
    }));
  });
}
