import type { GroupView, OutView } from '../../../client/requests/types.ts';
import { formatDuration } from '../../../lib/format-duration.ts';
import { escapeLine } from '../../terminal/escape.ts';
import type { Paint } from '../../terminal/paint.ts';
import { formatTimestamp } from '../jobs/words.ts';

/** The lanes of a group: `2`, or `4 (10% of 40)`. */
export function lanesText({ lanes, setting, size }: Pick<GroupView, 'lanes' | 'setting' | 'size'>): string {
  if (typeof setting === 'number') return String(lanes);
  return `${lanes} (${setting} of ${size ?? 'an unknown size'})`;
}

/** Why nothing of a group is released; empty if something is. */
export function haltText({ stopped, pausedAt }: GroupView, paint: Paint): string {
  const paused =
    pausedAt === undefined ? '' : `${paint('yellow', 'paused')} since ${formatTimestamp(pausedAt)}`;
  if (!stopped) return paused;
  const text = `${paint('red', 'stopped')} since ${formatTimestamp(stopped.at)}: ${escapeLine(stopped.reason)}`;
  return [text, paused].filter(Boolean).join('; ');
}

/** A job that has a lane: `r-1 on s2 for 4 min: its health check`. */
export function outText({ job, target, stage, stageJob, since }: OutView, nowMs: number): string {
  const on = target === undefined ? '' : ` on ${escapeLine(target)}`;
  const age = formatDuration(Math.max(0, nowMs - Date.parse(since)) / 1000);
  const own = stageJob === undefined ? '' : ` ${escapeLine(stageJob)}`;
  const what = {
    job: '',
    rollBack: `, its roll-back${own} runs`,
    check: `, the health check${own} of its target runs`,
    unhealthy: ', its target is not healthy',
  }[stage];
  return `${escapeLine(job)}${on} for ${age}${what}`;
}
