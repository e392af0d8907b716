import type { RetiredView } from '../../../client/instances/instance-view.ts';
import type { RetirementReason } from '../../../jobs/record.ts';

/** A time in UTC: `07:41:10Z`, or with its date if that is not today. */
export function formatRecentTime(at: string, nowMs: number): string {
  const [today] = new Date(nowMs).toISOString().split('T');
  const iso = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  const [day, time = ''] = iso.split('T');
  return day === today ? time : iso;
}

/** Why an instance leaves or has left. */
export const REASON_TEXTS: Record<RetiredView['reason'], string> = {
  idle: 'idle',
  'paid-hour': 'idle at the end of its paid hour',
  'max-age': 'reached its maximum age',
  'spot-interruption': 'Spot interruption',
  rebalance: 'Spot rebalance recommendation',
  'auto-scaling': 'Auto Scaling terminated it',
  'group-deleted': 'its group was deleted',
  surplus: 'more were running than desired',
  drained: 'drained by an operator',
  'boot-failed': 'its boot failed',
  'worker-missing': "the worker's program could not be started",
  'disk-full': "the workers' disk was full",
  unhealthy: 'its instanceCheck failed',
  'cannot-receive': 'could not receive jobs',
  'cannot-use-table': 'could not use the job table',
  'cannot-assume-worker-role': "could not assume the workers' role",
  'cannot-read-secrets': "could not read the workers' secrets",
  'agent-crashed': 'its agent crashed or stopped responding',
  stopped: 'its agent was stopped',
  lost: 'disappeared without a report',
  unknown: 'has no record',
} satisfies Record<RetirementReason | 'unknown', string>;

/** Why an instance will leave at a certain time. */
export const DEADLINE_TEXTS: Partial<Record<RetirementReason, string>> = {
  'paid-hour': 'the end of its paid hour',
  'max-age': 'maximum age',
};
