import { instanceStore } from '../../store/instances.ts';
import type { InstanceRecord, RetirementReason } from '../../jobs/record.ts';
import { runningOn } from '../../store/running.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { InPool, Throttled, UnknownInstance, Unreachable } from '../errors.ts';
import { explain } from '../explain.ts';
import { lookAtGroup, lookAtPool } from './group-look.ts';
import { LONGEST_OUTAGE_MS } from '../outage.ts';

export interface DrainOptions {
  /** Whether to wait until the instance has gone. Default false. */
  wait?: boolean;
  /** How long at most. Default: until it has gone. */
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export interface Drained {
  instance: string;
  /**
   * `requested`: it takes no new job from its agent's next report on (`reportInterval`, a minute by default), and goes when
   * its jobs have ended. `leaving`: it is on its way out. `gone`: it has gone.
   */
  outcome: 'requested' | 'leaving' | 'gone';
  /** Since when an operator wants it to go, if one does. ISO 8601. */
  drainRequestedAt?: string;
  /** Why it leaves or has gone, if its agent has said so. */
  reason?: RetirementReason;
  /** Ids of the jobs that run on it. A fleet with `trackJobs: false` knows none. */
  jobs: string[];
}

/** How often it is looked whether the instance has gone. */
const POLL_MS = 5000;

/**
 * Has one instance take no new job, let those that run on it end, and go. Nobody takes its place unless jobs wait. Can be
 * repeated. Rejects with `UnknownInstance`, or with `InPool` for one that waits in the warm pool.
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
    const seen = await lookAgain(context, instance, clock.monotonic() - seenMs < LONGEST_OUTAGE_MS);
    if (!seen) continue;
    seenMs = clock.monotonic();
    last = seen;
  }
  return last;
}

/** Undefined: AWS wants fewer calls, or is silent for a moment, which ends no wait. */
async function lookAgain(
  context: FleetContext,
  instance: string,
  isPatient: boolean,
): Promise<Drained | undefined> {
  try {
    const seen = await look(context, instance);
    // Nothing is asked of one that is on its way out, which may stay after all: its group keeps a minimum.
    const isAsked = seen.outcome !== 'requested' || seen.drainRequestedAt !== undefined;
    return isAsked ? seen : await ask(context, instance);
  } catch (thrown) {
    const error = explain(context.facts, thrown);
    if (error instanceof Throttled || (error instanceof Unreachable && isPatient)) return undefined;
    throw error;
  }
}

async function ask(context: FleetContext, instance: string): Promise<Drained> {
  const { clients, facts } = context;
  const nowMs = await awsTime(context);
  const pool = await lookAtPool(context);
  // "TerminateInstanceInAutoScalingGroup" refuses it there; and it has no job.
  if (pool.some((member) => member.instance === instance)) {
    throw new InPool(
      `${instance} waits in the warm pool of fleet ${facts.fleet}: it has no job, and takes none as long as it is there.`,
    );
  }
  const store = instanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
  const record = await store.drain(instance, nowMs);
  if (record) return { ...(await drainedOf(context, record)), outcome: 'requested' };
  return look(context, instance);
}

async function look(context: FleetContext, instance: string): Promise<Drained> {
  const { clients, facts } = context;
  const store = instanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
  const [group, records] = await Promise.all([lookAtGroup(context), store.find([instance])]);
  const record = records.get(instance);
  const member = group.members.find((one) => one.instance === instance);
  if (!record) throw new UnknownInstance(instance, facts.fleet, member !== undefined);
  const drained = await drainedOf(context, record);
  const isGone = member === undefined && (record.listing === 'retired' || record.retirement !== undefined);
  if (isGone) return { ...drained, outcome: 'gone' };
  return { ...drained, outcome: record.retirement ? 'leaving' : 'requested' };
}

async function drainedOf(
  { clients, facts }: FleetContext,
  { instance, drainRequestedAt, retirement }: InstanceRecord,
): Promise<Omit<Drained, 'outcome'>> {
  const running = facts.trackJobs && (await runningOn(clients.dynamodb, facts.table, instance));
  return {
    instance,
    ...(drainRequestedAt && { drainRequestedAt }),
    ...(retirement && { reason: retirement.reason }),
    jobs: running ? running.jobs.map(({ id }) => id) : [],
  };
}
