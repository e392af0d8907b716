import type { GroupMember } from '../../aws/scaling-group.ts';
import {
  type InstanceRecord,
  type JobRecord,
  labelOf,
  type Outlook,
  type RefusedOutlook,
  type RetirementReason,
} from '../../jobs/record.ts';
import type { Rung } from '../../policy/ladder.ts';
import { problemOf } from '../why-gone.ts';

/** An instance as it is shown: what `--json` prints. Times are ISO 8601. What is not known is absent. */
export interface InstanceView {
  instance: string;
  /**
   * `booting`: its agent has not been heard of since it was launched, or was taken out of the warm pool. `pooled`: waits in the warm pool. `refused`: has no job, and AWS refuses
   * it what it cannot work without. `leaving`: is on its way out.
   * `silent`: was heard of once, and not for long. `gone`: the group has it no more, and the keeper has yet to settle
   * what it left.
   */
  doing: 'booting' | 'pooled' | 'working' | 'idle' | 'refused' | 'leaving' | 'silent' | 'gone';
  /** Auto Scaling's state of it; absent: it is in no group. */
  lifecycleState?: string;
  type?: string;
  zone?: string;
  launchedAt?: string;
  readyAt?: string;
  /** When it was heard of last, and how long ago: `slots`, `jobsDone`, `idleSince`, `refused`, `slowed`, `next` are so old. */
  heardAt?: string;
  heardSeconds?: number;
  /** Jobs that it can run at once, and has done since its agent's start. */
  slots?: number;
  jobsDone?: number;
  /** What runs on it, the longest first. */
  jobs: RunningJob[];
  idleSince?: string;
  /** What AWS refuses it now, in AWS's words. */
  refused?: RefusedOutlook;
  /** It takes one job at a time, as several in a row have failed on it: such an instance is `working`, not `idle`. */
  slowed?: NonNullable<Outlook['slowed']>;
  /** Since when an operator wants it to let its jobs end and go. */
  drainRequestedAt?: string;
  /** What it will do next if nothing happens before, as it said itself when it was heard of last. */
  next?: Pick<Outlook, 'at' | 'reason'> & { action: Outlook['next'] };
}

export interface RunningJob {
  id: string;
  /** `MAYFLY_ATTEMPT` of this try. */
  attempt: number;
  /** Of this try. */
  startedAt?: string;
  ranSeconds?: number;
  label?: string;
  limitSeconds?: number;
}

/** What is known of one instance, from three sides. */
export interface InstanceSeen {
  instance: string;
  /** What its group says of it; undefined if it does not have it. */
  member: GroupMember | undefined;
  /** What the table says of it. */
  record: InstanceRecord | undefined;
  /** What runs on it, by the table. */
  jobs: readonly JobRecord[];
  /** When its launch began, if that is known. */
  launchedAtMs: number | undefined;
}

/** @param silentMs an agent that was not heard of for this long is silent */
export function instanceView(seen: InstanceSeen, nowMs: number, silentMs: number): InstanceView {
  const { instance, member, record } = seen;
  const { forecast, reportedAtMs, readyAt } = record ?? {};
  const doing = doingOf(seen, nowMs, silentMs);
  const launchedAt = record?.launchedAt ?? timeOf(seen.launchedAtMs);
  const idleSince = doing === 'idle' ? forecast?.idleSince : undefined;
  const next = nextOf(doing, seen);
  return {
    instance,
    doing,
    ...(member && { lifecycleState: member.lifecycleState }),
    ...(member?.type && { type: member.type }),
    ...(member?.zone && { zone: member.zone }),
    ...(launchedAt && { launchedAt }),
    ...(readyAt && { readyAt }),
    ...(reportedAtMs !== undefined && {
      heardAt: new Date(reportedAtMs).toISOString(),
      heardSeconds: Math.max(0, Math.round(nowMs - reportedAtMs) / 1000),
    }),
    ...(forecast && { slots: forecast.slots, jobsDone: forecast.jobsDone }),
    jobs: seen.jobs.map((job) => runningView(job, nowMs)).toSorted(longestFirst),
    ...(idleSince && { idleSince }),
    ...(forecast?.refused && (doing === 'refused' || doing === 'working') && { refused: forecast.refused }),
    ...(forecast?.slowed && doing === 'working' && { slowed: forecast.slowed }),
    ...(record?.drainRequestedAt && { drainRequestedAt: record.drainRequestedAt }),
    ...(next && { next }),
  };
}

function doingOf(
  { instance, member, record, jobs, launchedAtMs = 0 }: InstanceSeen,
  nowMs: number,
  silentMs: number,
): InstanceView['doing'] {
  const state = member?.lifecycleState ?? '';
  if (state.startsWith('Warmed:') && !state.includes('Terminat')) return 'pooled';
  if (state.includes('Terminat')) return 'leaving';
  if (!member && (instance.startsWith('i-') || record?.retirement)) return 'gone';
  if (record?.retirement) return 'leaving';
  if (record?.reportedAtMs === undefined) return 'booting';
  // One that comes out of a warm pool was silent there, as it was stopped.
  if (nowMs - record.reportedAtMs >= silentMs) return launchedAtMs > record.reportedAtMs ? 'booting' : 'silent';
  if (jobs.length > 0) return 'working';
  if (record.forecast?.refused) return 'refused';
  const { running = 0, slowed } = record.forecast ?? {};
  return running > 0 || slowed ? 'working' : 'idle';
}

/** The forecast is as old as the last report: of one whose jobs tell something else it says nothing. */
function nextOf(doing: InstanceView['doing'], { record }: InstanceSeen): InstanceView['next'] {
  const { forecast, retirement } = record ?? {};
  if (doing === 'leaving') {
    const reason = retirement?.reason ?? (forecast?.next === 'leave' ? forecast.reason : undefined);
    return { action: 'leave', ...(reason && { reason }) };
  }
  if (!forecast || (doing !== 'working' && doing !== 'idle')) return undefined;
  const { next, at, reason } = forecast;
  if (doing === 'working' && (next === 'retire' || next === 'stay')) return { action: 'work' };
  return { action: next, ...(at && { at }), ...(reason && { reason }) };
}

function runningView(job: JobRecord, nowMs: number): RunningJob {
  const { id, attempts, startedAt, limitSeconds } = job;
  const label = labelOf(job);
  return {
    id,
    attempt: attempts,
    ...(startedAt && {
      startedAt,
      ranSeconds: Math.max(0, Math.round(nowMs - Date.parse(startedAt)) / 1000),
    }),
    ...(label && { label }),
    ...(limitSeconds !== undefined && { limitSeconds }),
  };
}

function longestFirst(one: RunningJob, other: RunningJob): number {
  return (other.ranSeconds ?? 0) - (one.ranSeconds ?? 0);
}

/** An instance that has gone. */
export interface RetiredView {
  instance: string;
  endedAt: string;
  /** `unknown`: the table has no record of it. */
  reason: RetirementReason | 'unknown';
  /** Why, in Auto Scaling's words, where the table does not know. */
  cause?: string;
  rung?: Rung;
  jobsDone?: number;
  idleSeconds?: number;
  /** What was wrong with it, and the last words of its agent: of an instance that AWS refused something AWS's words. */
  problem?: string;
  lastError?: string;
}

export function retiredView(
  end: { instance: string; startedAtMs: number; cause: string },
  record: InstanceRecord | undefined,
): RetiredView {
  const { retirement } = record ?? {};
  const endedAt = new Date(end.startedAtMs).toISOString();
  const { instance, cause } = end;
  if (!retirement) return { instance, endedAt, reason: 'unknown', ...(cause && { cause }) };
  const { reason, rung, jobsDone, idleSeconds, lastError } = retirement;
  const problem = problemOf(record ?? {});
  const unexplained = reason === 'lost' && cause && !problem ? { cause } : {};
  return {
    instance,
    endedAt,
    reason,
    ...unexplained,
    rung,
    jobsDone,
    idleSeconds,
    ...(problem && { problem }),
    ...(lastError && { lastError }),
  };
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
