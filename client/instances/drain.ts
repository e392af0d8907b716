import type { InstanceRecord, RetirementReason } from '../../jobs/record.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { findRunningJobs } from '../../store/running-jobs.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { InWarmPoolError, ThrottledError, UnknownInstanceError, UnreachableError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { LONGEST_OUTAGE_MS } from '../outage.ts';
import { readGroup, readWarmPool } from './group-state.ts';

/** Options of `drain`. */
export interface DrainOptions {
  /** Whether to wait until the instance has terminated. Default false. */
  wait?: boolean;
  /** Longest wait, in seconds. Default: no time-out. */
  timeoutSeconds?: number;
  /** Aborts the wait. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Result of `drain`. */
export interface Drained {
  instance: string;
  /**
   * `requested`: it receives no new jobs after its agent's next report (`reportInterval`, a minute by default), and
   * terminates when its jobs have ended. `leaving`: it is terminating. `gone`: it has terminated.
   */
  outcome: 'requested' | 'leaving' | 'gone';
  /** When an operator first asked to drain it, ISO 8601. Absent: nobody did. */
  drainRequestedAt?: string;
  /** Why it terminates or has terminated. Absent: its agent has not reported it. */
  reason?: RetirementReason;
  /** Ids of the jobs that run on it. Empty for a fleet with `trackJobs: false`. */
  jobs: string[];
}

/** Milliseconds between two checks whether the instance has terminated. */
const POLL_MS = 5000;

/**
 * Drains one instance: it receives no new jobs, completes those that run, and terminates. It is only replaced if jobs
 * wait. Can be repeated. Rejects with `UnknownInstanceError`, or with `InWarmPoolError` for an instance in the warm
 * pool.
 */
export async function drainInstance(
  context: FleetContext,
  instance: string,
  { wait = false, timeoutSeconds = Number.POSITIVE_INFINITY, signal }: DrainOptions,
): Promise<Drained> {
  const { clock } = context;
  const untilMs = clock.monotonic() + timeoutSeconds * 1000;
  let last = await ask(context, instance);
  let seenMs = clock.monotonic();
  while (wait && last.outcome !== 'gone') {
    const leftMs = untilMs - clock.monotonic();
    if (leftMs <= 0) break;
    await clock.sleep(Math.min(POLL_MS, leftMs), signal);
    const seen = await checkAgain(context, instance, clock.monotonic() - seenMs < LONGEST_OUTAGE_MS);
    if (!seen) continue;
    seenMs = clock.monotonic();
    last = seen;
  }
  return last;
}

/** Undefined: AWS throttles, or did not answer for a short time. The wait goes on. */
async function checkAgain(
  context: FleetContext,
  instance: string,
  isPatient: boolean,
): Promise<Drained | undefined> {
  try {
    const seen = await check(context, instance);
    // The request was not written while the instance was leaving. It may stay, because its group keeps a minimum.
    const isAsked = seen.outcome !== 'requested' || seen.drainRequestedAt !== undefined;
    return isAsked ? seen : await ask(context, instance);
  } catch (thrown) {
    const error = explainError(context.facts, thrown);
    if (error instanceof ThrottledError || (error instanceof UnreachableError && isPatient)) return undefined;
    throw error;
  }
}

async function ask(context: FleetContext, instance: string): Promise<Drained> {
  const { clients, facts } = context;
  const nowMs = await awsTime(context);
  const pool = await readWarmPool(context);
  // "TerminateInstanceInAutoScalingGroup" refuses an instance in the warm pool, which has no job anyway.
  if (pool.some((member) => member.instance === instance)) {
    throw new InWarmPoolError(
      `${instance} is in the warm pool of fleet ${facts.fleet}, where it has no jobs and receives none.`,
    );
  }
  const store = createInstanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
  const record = await store.requestDrain(instance, nowMs);
  if (record) return { ...(await drainedOf(context, record)), outcome: 'requested' };
  return check(context, instance);
}

async function check(context: FleetContext, instance: string): Promise<Drained> {
  const { clients, facts } = context;
  const store = createInstanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
  const [group, records] = await Promise.all([readGroup(context), store.find([instance])]);
  const record = records.get(instance);
  const member = group.members.find((one) => one.instance === instance);
  if (!record) throw new UnknownInstanceError(instance, facts.fleet, member !== undefined);
  const drained = await drainedOf(context, record);
  const isGone = member === undefined && (record.listing === 'retired' || record.retirement !== undefined);
  if (isGone) return { ...drained, outcome: 'gone' };
  return { ...drained, outcome: record.retirement ? 'leaving' : 'requested' };
}

async function drainedOf(
  { clients, facts }: FleetContext,
  { instance, drainRequestedAt, retirement }: InstanceRecord,
): Promise<Omit<Drained, 'outcome'>> {
  const running = facts.trackJobs && (await findRunningJobs(clients.dynamodb, facts.table, instance));
  return {
    instance,
    ...(drainRequestedAt && { drainRequestedAt }),
    ...(retirement && { reason: retirement.reason }),
    jobs: running ? running.jobs.map(({ id }) => id) : [],
  };
}
