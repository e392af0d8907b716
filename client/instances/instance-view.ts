import type { GroupMember } from '../../aws/scaling-group.ts';
import {
  type Forecast,
  findLabel,
  type InstanceRecord,
  type JobRecord,
  type RefusedForecast,
  type RetirementReason,
} from '../../jobs/record.ts';
import type { EscalationStep } from '../../policy/escalation.ts';
import { describeProblem } from '../instance-problem.ts';

/** An instance, as `--json` prints it. Times are ISO 8601. What is not known is absent. */
export interface InstanceView {
  instance: string;
  /**
   * `booting`: its agent has not reported since the launch, or since it left the warm pool. `pooled`: in the warm pool.
   * `working`: runs jobs. `idle`: has no job. `refused`: has no job, and AWS denies its agent a call that it needs.
   * `leaving`: terminating. `silent`: its agent has stopped reporting. `gone`: not in the group any more; the keeper
   * has yet to settle its jobs.
   */
  status: 'booting' | 'pooled' | 'working' | 'idle' | 'refused' | 'leaving' | 'silent' | 'gone';
  /** Auto Scaling's lifecycle state. Absent: it is in no group. */
  lifecycleState?: string;
  /** EC2 instance type. */
  type?: string;
  /** Availability Zone. */
  zone?: string;
  launchedAt?: string;
  /** When its agent became ready. */
  readyAt?: string;
  /**
   * When its agent last reported. `slots`, `jobsDone`, `idleSince`, `refused`, `slowed` and `next` are from this
   * report.
   */
  reportedAt?: string;
  /** Seconds since that report. */
  reportAgeSeconds?: number;
  /** Number of jobs that it can run at once. */
  slots?: number;
  /** Number of jobs that ended on it since its agent started. */
  jobsDone?: number;
  /** Jobs that run on it, the longest first. */
  jobs: RunningJob[];
  /** Since when it has no job. */
  idleSince?: string;
  /** The call that AWS denies its agent now, with AWS's message. */
  refused?: RefusedForecast;
  /** It runs one job at a time because several in a row have failed on it. Then it is `working`, never `idle`. */
  slowed?: NonNullable<Forecast['slowed']>;
  /** When an operator asked to drain it. */
  drainRequestedAt?: string;
  /** What it will do next, by its agent's last report. */
  next?: Pick<Forecast, 'at' | 'reason'> & { action: Forecast['next'] };
}

/** A job that runs on an instance. */
export interface RunningJob {
  id: string;
  /** `MAYFLY_ATTEMPT` of this try. */
  attempt: number;
  /** When this try started. */
  startedAt?: string;
  /** Seconds since then. */
  ranSeconds?: number;
  label?: string;
  /** The job's time limit. Absent: the fleet's. */
  limitSeconds?: number;
}

/** What Auto Scaling and the table say about one instance. */
export interface InstanceFacts {
  instance: string;
  /** What Auto Scaling says. Undefined: it is not in the group. */
  member: GroupMember | undefined;
  /** Its record in the table. */
  record: InstanceRecord | undefined;
  /** Records of the jobs that run on it. */
  jobs: readonly JobRecord[];
  /** When its launch began. Undefined: not known. */
  launchedAtMs: number | undefined;
}

/** @param silentMs an agent that has not reported for this long is silent, in milliseconds */
export function createInstanceView(seen: InstanceFacts, nowMs: number, silentMs: number): InstanceView {
  const { instance, member, record } = seen;
  const { forecast, reportedAtMs, readyAt } = record ?? {};
  const status = statusOf(seen, nowMs, silentMs);
  const launchedAt = record?.launchedAt ?? timeOf(seen.launchedAtMs);
  const idleSince = status === 'idle' ? forecast?.idleSince : undefined;
  const next = nextOf(status, seen);
  return {
    instance,
    status,
    ...(member && { lifecycleState: member.lifecycleState }),
    ...(member?.type && { type: member.type }),
    ...(member?.zone && { zone: member.zone }),
    ...(launchedAt && { launchedAt }),
    ...(readyAt && { readyAt }),
    ...(reportedAtMs !== undefined && {
      reportedAt: new Date(reportedAtMs).toISOString(),
      reportAgeSeconds: Math.max(0, Math.round(nowMs - reportedAtMs) / 1000),
    }),
    ...(forecast && { slots: forecast.slots, jobsDone: forecast.jobsDone }),
    jobs: seen.jobs.map((job) => runningView(job, nowMs)).toSorted(longestFirst),
    ...(idleSince && { idleSince }),
    ...(forecast?.refused && (status === 'refused' || status === 'working') && { refused: forecast.refused }),
    ...(forecast?.slowed && status === 'working' && { slowed: forecast.slowed }),
    ...(record?.drainRequestedAt && { drainRequestedAt: record.drainRequestedAt }),
    ...(next && { next }),
  };
}

function statusOf(
  { instance, member, record, jobs, launchedAtMs = 0 }: InstanceFacts,
  nowMs: number,
  silentMs: number,
): InstanceView['status'] {
  const state = member?.lifecycleState ?? '';
  if (state.startsWith('Warmed:') && !state.includes('Terminat')) return 'pooled';
  if (state.includes('Terminat')) return 'leaving';
  if (!member && (instance.startsWith('i-') || record?.retirement)) return 'gone';
  if (record?.retirement) return 'leaving';
  if (record?.reportedAtMs === undefined) return 'booting';
  // An instance that leaves the warm pool was stopped there and could not report.
  if (nowMs - record.reportedAtMs >= silentMs)
    return launchedAtMs > record.reportedAtMs ? 'booting' : 'silent';
  if (jobs.length > 0) return 'working';
  if (record.forecast?.refused) return 'refused';
  const { running = 0, slowed } = record.forecast ?? {};
  return running > 0 || slowed ? 'working' : 'idle';
}

/** The forecast is as old as the last report. It is left out if the instance's jobs contradict it. */
function nextOf(status: InstanceView['status'], { record }: InstanceFacts): InstanceView['next'] {
  const { forecast, retirement } = record ?? {};
  if (status === 'leaving') {
    const reason = retirement?.reason ?? (forecast?.next === 'leave' ? forecast.reason : undefined);
    return { action: 'leave', ...(reason && { reason }) };
  }
  if (!forecast || (status !== 'working' && status !== 'idle')) return undefined;
  const { next, at, reason } = forecast;
  if (status === 'working' && (next === 'retire' || next === 'stay')) return { action: 'work' };
  return { action: next, ...(at && { at }), ...(reason && { reason }) };
}

function runningView(job: JobRecord, nowMs: number): RunningJob {
  const { id, attempts, startedAt, limitSeconds } = job;
  const label = findLabel(job);
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

/** An instance that has terminated. */
export interface RetiredView {
  instance: string;
  /** When its termination began. */
  endedAt: string;
  /** `unknown`: the table has no record of it. */
  reason: RetirementReason | 'unknown';
  /** Auto Scaling's cause of the termination, if the table has no reason. */
  cause?: string;
  /** The last step of its retirement that was tried. */
  rung?: EscalationStep;
  /** Number of jobs that ended on it. */
  jobsDone?: number;
  /** How long it had no job before it retired. */
  idleSeconds?: number;
  /** What was wrong with it, with its agent's fatal error or AWS's message. */
  problem?: string;
  /** AWS's last refusal of a call that terminates it. */
  lastError?: string;
}

export function createRetiredView(
  end: { instance: string; startedAtMs: number; cause: string },
  record: InstanceRecord | undefined,
): RetiredView {
  const { retirement } = record ?? {};
  const endedAt = new Date(end.startedAtMs).toISOString();
  const { instance, cause } = end;
  if (!retirement) return { instance, endedAt, reason: 'unknown', ...(cause && { cause }) };
  const { reason, rung, jobsDone, idleSeconds, lastError } = retirement;
  const problem = describeProblem(record ?? {});
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
