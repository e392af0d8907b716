import type { History } from './history.ts';

/** The instances as a table: life, jobs, reason to go. */
export function summary({ startedMs, lives }: History): string {
  const at = (ms: number | undefined) =>
    ms === undefined ? '-' : `${((ms - startedMs) / 1000).toFixed(1)} s`;
  const rows = lives.map((life) => [
    life.id,
    at(life.launchedMs),
    at(life.readyMs),
    at(life.endedMs),
    String(life.jobs.length),
    reasonOf(life.reason, life.idleSeconds),
    life.rung ?? '-',
  ]);
  return table(['instance', 'launched', 'ready', 'gone', 'jobs', 'went because', 'by'], rows);
}

function reasonOf(reason: string | undefined, idleSeconds: number | undefined): string {
  if (reason === 'idle' && idleSeconds !== undefined) return `idle for ${idleSeconds.toFixed(1)} s`;
  return reason ?? '-';
}

/** Columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}
