import { formatTable } from '../cli/terminal/columns.ts';
import type { History } from './history.ts';

/** The instances as a table: their times, jobs and the reason of their retirement. */
export function summary({ startedMs, instances }: History): string {
  const at = (ms: number | undefined) =>
    ms === undefined ? '-' : `${((ms - startedMs) / 1000).toFixed(1)} s`;
  const rows = instances.map((life) => [
    life.id,
    at(life.launchedMs),
    at(life.readyMs),
    at(life.endedMs),
    String(life.jobs.length),
    reasonOf(life.reason, life.idleSeconds),
    life.rung ?? '-',
  ]);
  return formatTable(['instance', 'launched', 'ready', 'gone', 'jobs', 'reason', 'by'], rows, {
    rule: true,
  });
}

function reasonOf(reason: string | undefined, idleSeconds: number | undefined): string {
  if (reason === 'idle' && idleSeconds !== undefined) return `idle for ${idleSeconds.toFixed(1)} s`;
  return reason ?? '-';
}
