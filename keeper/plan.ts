import type { RetirementReason } from '../jobs/record.ts';
import { judgeLaunch, type Launch, shouldTrip, stalledSince } from '../policy/breaker.ts';
import { correctCapacity, type Unaccounted } from '../policy/capacity.ts';
import { judgeDemand } from '../policy/demand.ts';
import { type EscalationStep, selectFirstStep } from '../policy/escalation.ts';
import { isGone } from '../policy/orphaned-jobs.ts';
import { decideScaleOut } from '../policy/scale-out.ts';
import { findSilentInstances, type SilentInstance } from '../policy/silent-instances.ts';
import type { SavedLog } from '../store/bucket-keys.ts';
import type { KeeperConfig } from './config.ts';
import { isSuspendedForRefusals, isSuspendedWithoutRecord, selectRecentLaunches } from './saved-logs.ts';
import { findPresentInstances, type Snapshot } from './snapshot.ts';

/** What the keeper does after a snapshot, in this order. Each action can be repeated without harm. */
export type Action =
  | { do: 'suspend-az-rebalance' }
  /** The fleet is paused, and `mayfly fleet resume` has not ended the pause. Or see `handleRefusedSnapshot`. */
  | { do: 'suspend-launch' }
  | { do: 'trip-breaker' }
  /** An operator resumed the process `Launch` without `mayfly fleet resume`. */
  | { do: 'reset-breaker' }
  | { do: 'report-breaker'; open: boolean }
  | { do: 'execute-policy'; backlog: number }
  | { do: 'record-backlog'; sinceMs: number | undefined }
  | { do: 'record-stall'; sinceMs: number | undefined }
  | { do: 'record-unneeded'; sinceMs: number | undefined }
  | { do: 'end-silent-instance'; silent: SilentInstance }
  /** An instance whose retirement is recorded and that is still in the group. */
  | { do: 'terminate-retired'; instance: string }
  /**
   * For instances that could not lower it themselves, or to the present instances if no job needs more or a pause
   * lasts.
   */
  | { do: 'lower-desired'; from: number; desired: number; instances: string[] }
  /** An instance that is powered off cannot complete its hook. */
  | { do: 'complete-termination-hook'; instance: string }
  /** The jobs of an instance that is gone. When none is left, its record is listed as `retired`. */
  | { do: 'settle'; instance: string };

/** Steps that do not lower the desired capacity, even if the instance wanted to lower it. */
const LATER_STEPS: ReadonlySet<EscalationStep> = new Set(['unhealthy', 'power-off']);
/** An agent that somebody stopped has not retired by itself: its group may replace the instance. */
const STOPPED_BY_OTHERS: ReadonlySet<RetirementReason> = new Set(['stopped']);

/** Reasons that jobs may cause. Without a record nobody knows whether the instance ran any. */
const MAYBE_CAUSED_BY_JOBS: ReadonlySet<string> = new Set<RetirementReason>(['disk-full', 'unhealthy']);

/**
 * Runs are a minute apart. A failed run may have reported the breaker open without a record: see
 * `handleRefusedSnapshot`.
 */
const MISSED_RUN_MS = 90_000;

/** After this time an instance that was requested from EC2 shows in the group as pending, or the request has failed. */
const LAUNCHING_MS = 600_000;

export function plan(snapshot: Snapshot, config: KeeperConfig): Action[] {
  const corrections = capacity(snapshot);
  // A correction is planned from the instance's record. So the record is not settled before the correction is done.
  const open = new Set(
    corrections.flatMap((action) => (action.do === 'lower-desired' ? action.instances : [])),
  );
  return [
    ...processes(snapshot, config),
    ...scalingOut(snapshot, config),
    // Before the endings: these numbers count the instances that are about to be ended, and ending them lowers further.
    ...corrections,
    ...endings(snapshot, config),
    ...openHooks(snapshot),
    ...settling(snapshot, config).filter(({ instance }) => !open.has(instance)),
  ];
}

/**
 * The instances that must not be judged before their heartbeats and saved logs are read: the plan treats them as dead,
 * or as never booted, because they did not report, or their refusals may be why launches are suspended.
 */
export function findDoubtfulInstances(
  snapshot: Snapshot,
  actions: readonly Action[],
  config: KeeperConfig,
): string[] {
  const ended = actions.flatMap((action) =>
    action.do === 'end-silent-instance' ? [action.silent.instance] : [],
  );
  const trips = actions.some((action) => action.do === 'trip-breaker');
  const launched = trips ? snapshot.judged.map(({ instance }) => instance) : [];
  const unreported = launched.filter((instance) => lastReportMs(snapshot, instance) === undefined);
  const last = isSuspendedWithoutRecord(snapshot) ? selectRecentLaunches(snapshot.launches, config) : [];
  return [...new Set([...ended, ...unreported, ...last.map(({ instance }) => instance)])];
}

/** When an instance last reported, to the table or with a heartbeat. */
function lastReportMs({ records, heartbeatsMs }: Snapshot, instance: string): number | undefined {
  const times = [records.get(instance)?.reportedAtMs, heartbeatsMs?.get(instance)].filter(
    (ms) => ms !== undefined,
  );
  return times.length === 0 ? undefined : Math.max(...times);
}

function processes(snapshot: Snapshot, config: KeeperConfig): Action[] {
  const { group, fleetState } = snapshot;
  const actions: Action[] = [];
  if (!group.suspended.has('AZRebalance')) actions.push({ do: 'suspend-az-rebalance' });
  const stalledSinceMs = stall(snapshot);
  if (stalledSinceMs !== fleetState.stalledSinceMs) {
    actions.push({ do: 'record-stall', sinceMs: stalledSinceMs });
  }
  const open = fleetState.trippedAtMs !== undefined;
  const paused = fleetState.pausedAtMs !== undefined;
  const launches = !group.suspended.has('Launch');
  if (paused && launches) actions.push({ do: 'suspend-launch' });
  if (open && launches && !paused) {
    return [...actions, { do: 'reset-breaker' }, { do: 'report-breaker', open: false }];
  }
  const judgement = {
    launches: outcomes(snapshot, stalledSinceMs),
    resumedAtMs: fleetState.resumedAtMs,
    limit: config.breakerFailures,
  };
  const tripped = shouldTrip(judgement) || isSuspendedForRefusals(snapshot, config);
  if (tripped && !open) actions.push({ do: 'trip-breaker' });
  if (tripped || open || !isKnownAsClosed(snapshot)) {
    actions.push({ do: 'report-breaker', open: open || tripped });
  }
  return actions;
}

/** CloudWatch charges for each hour in which a metric is written, so a breaker that stays closed is reported once. */
function isKnownAsClosed({ fleetState: { breakerReported, keptAtMs = 0 }, nowMs }: Snapshot): boolean {
  return breakerReported === 'closed' && nowMs - keptAtMs < MISSED_RUN_MS;
}

function stall({ backlog, records, fleetState, nowMs }: Snapshot): number | undefined {
  const starts = [...records.values()].flatMap(({ forecast }) => forecast?.lastStartMs ?? []);
  return stalledSince({
    backlog,
    paused: fleetState.pausedAtMs !== undefined,
    beforeMs: fleetState.stalledSinceMs,
    lastStartMs: starts.length === 0 ? undefined : Math.max(...starts),
    nowMs,
  });
}

function outcomes(snapshot: Snapshot, stalledSinceMs: number | undefined): Launch[] {
  const { group, judged, records, nowMs } = snapshot;
  const present = findPresentInstances(group);
  return judged.map(({ instance, startedAtMs }) => {
    const { readyAt, retirement, forecast } = records.get(instance) ?? {};
    const ending = retirement ?? unrecordedEnd(snapshot, instance);
    const jobsDone = retirement?.jobsDone;
    const since = (at: string | undefined) => (at === undefined ? undefined : nowMs - Date.parse(at));
    const outcome = judgeLaunch({
      readyAt,
      readyMs: since(readyAt),
      endedMs: since(retirement?.endedAt),
      hasReported: lastReportMs(snapshot, instance) !== undefined,
      reason: ending?.reason,
      refusal: ending?.refusal,
      jobsDone,
      jobStarted: Boolean(jobsDone) || forecast?.lastStartMs !== undefined,
      stalledMs: stalledSinceMs === undefined ? undefined : nowMs - stalledSinceMs,
      present: present.has(instance),
      ageMs: nowMs - startedAtMs,
    });
    return { instance, startedAtMs, outcome, job: retirement?.job };
  });
}

/** Why an instance retired that could not record it, by its saved log. */
function unrecordedEnd({ savedLogs }: Snapshot, instance: string): SavedLog | undefined {
  const saved = savedLogs?.get(instance);
  return saved && !MAYBE_CAUSED_BY_JOBS.has(saved.reason) ? saved : undefined;
}

function scalingOut(
  { group, fleetState, backlog, lastLaunchMs = 0, nowMs }: Snapshot,
  config: KeeperConfig,
): Action[] {
  const { execute, backlogSinceMs } = decideScaleOut({
    backlog,
    threshold: config.threshold,
    durationMs: config.durationSeconds * 1000,
    nowMs,
    backlogSinceMs: fleetState.backlogSinceMs,
    lastLaunchMs: Math.max(lastLaunchMs, fleetState.wokenAtMs ?? 0),
    desired: group.desired,
    maxSize: group.maxSize,
  });
  const actions: Action[] = [];
  if (backlogSinceMs !== fleetState.backlogSinceMs) {
    actions.push({ do: 'record-backlog', sinceMs: backlogSinceMs });
  }
  // "Suspend and resume Amazon EC2 Auto Scaling processes": without AlarmNotification the group ignores its alarm.
  const wanted = !group.suspended.has('Launch') && !group.suspended.has('AlarmNotification');
  if (execute && wanted && fleetState.pausedAtMs === undefined)
    actions.push({ do: 'execute-policy', backlog });
  return actions;
}

function endings(snapshot: Snapshot, config: KeeperConfig): Action[] {
  const { group, launches, records, nowMs } = snapshot;
  const started = new Map(launches.map(({ instance, startedAtMs }) => [instance, startedAtMs]));
  // An instance without a launch activity was launched before the oldest activity that was read.
  const oldestMs = Math.min(nowMs, ...started.values());
  const instances = group.instances.map(({ instance, lifecycleState }) => {
    const { readyAt } = records.get(instance) ?? {};
    const readyAtMs = readyAt === undefined ? undefined : Date.parse(readyAt);
    return {
      instance,
      lifecycleState,
      launchedAtMs: started.get(instance) ?? oldestMs,
      readyAtMs,
      reportedAtMs: lastReportMs(snapshot, instance),
    };
  });
  const rules = {
    nowMs,
    bootBudgetMs: config.bootBudgetSeconds * 1000,
    silentMs: config.silentSeconds * 1000,
  };
  return findSilentInstances(instances, rules).map((silent) => ({ do: 'end-silent-instance', silent }));
}

function capacity(snapshot: Snapshot): Action[] {
  const { group, records, backlog, fleetState } = snapshot;
  const unaccounted = [...records.values()].filter(({ instance, listing, retirement, accountedAtMs }) => {
    if (listing !== 'instances' || !retirement || accountedAtMs !== undefined) return false;
    // A machine outside EC2 works for the fleet, but was never in its group.
    if (!instance.startsWith('i-')) return false;
    const { rung, reason, queueDepth } = retirement;
    return (
      LATER_STEPS.has(rung) &&
      !STOPPED_BY_OTHERS.has(reason) &&
      selectFirstStep(reason, queueDepth) === 'terminate'
    );
  });
  const currentCapacity = group.instances.filter(isThere).length;
  const { unneededSinceMs, drop } = judgeDemand({ ...demandFacts(snapshot), currentCapacity });
  const { terminate, lower } = correctCapacity({
    desired: group.desired,
    minSize: group.minSize,
    currentCapacity,
    unneeded: drop,
    unaccounted: unaccounted.map(({ instance }) => unaccountedFor(snapshot, instance)),
    backlog,
    suspendedMs: suspendedMs(snapshot),
  });
  const actions: Action[] = [];
  if (unneededSinceMs !== fleetState.unneededSinceMs) {
    actions.push({ do: 'record-unneeded', sinceMs: unneededSinceMs });
  }
  // The number first: it counts the instances that are still there, and terminating them lowers it further.
  if (lower) actions.push({ do: 'lower-desired', ...lower });
  return [...actions, ...terminate.map((instance): Action => ({ do: 'terminate-retired', instance }))];
}

function demandFacts({ group, fleetState, backlog, launchesMs, launchingSinceMs, nowMs }: Snapshot) {
  const { desired, minSize, instances } = group;
  const { unneededSinceMs, wokenAtMs = 0, loweredAtMs = 0 } = fleetState;
  const isLaunching = launchingSinceMs !== undefined && nowMs - launchingSinceMs < LAUNCHING_MS;
  return {
    ...{ desired, minSize, backlog, launchesMs, nowMs },
    pending: isLaunching || instances.some(({ lifecycleState }) => lifecycleState.startsWith('Pending')),
    unneededSinceMs,
    lastScaledMs: Math.max(wokenAtMs, loweredAtMs),
  };
}

function unaccountedFor({ group, terminations }: Snapshot, instance: string): Unaccounted {
  const member = group.instances.find((one) => one.instance === instance);
  const state = member === undefined ? 'gone' : isTerminating(member) ? 'terminating' : 'present';
  return { instance, state, byRequest: terminations.get(instance)?.byRequest };
}

/** Time since the pause, or since the last launch if somebody resumed launches in between. */
function suspendedMs({ group, fleetState, lastLaunchMs = 0, nowMs }: Snapshot): number | undefined {
  const { pausedAtMs } = fleetState;
  if (pausedAtMs === undefined || !group.suspended.has('Launch')) return undefined;
  return nowMs - Math.max(pausedAtMs, lastLaunchMs);
}

/**
 * Instances that are powered off and whose termination hook is open. An agent that was stopped is left out: it may
 * still drain. `endings` finds its instance when it does not report any more.
 */
function openHooks({ group, records }: Snapshot): Action[] {
  const off = group.instances.filter(({ instance, lifecycleState }) => {
    const { rung, reason } = records.get(instance)?.retirement ?? {};
    if (lifecycleState !== 'Terminating:Wait' || rung !== 'power-off') return false;
    return reason !== undefined && !STOPPED_BY_OTHERS.has(reason);
  });
  return off.map(({ instance }) => ({ do: 'complete-termination-hook', instance }));
}

/** Whether Auto Scaling counts it towards the desired capacity ("Amazon EC2 Auto Scaling instance lifecycle"). */
function isThere({ lifecycleState }: { lifecycleState: string }): boolean {
  return lifecycleState === 'InService' || lifecycleState.startsWith('Pending');
}

function isTerminating({ lifecycleState }: { lifecycleState: string }): boolean {
  return lifecycleState.startsWith('Terminating');
}

function settling(
  { group, records, nowMs }: Snapshot,
  config: KeeperConfig,
): Extract<Action, { do: 'settle' }>[] {
  const present = findPresentInstances(group);
  const gone = [...records.values()].filter((record) => {
    const { instance, listing, retirement } = record;
    if (listing !== 'instances') return false;
    const facts = { instance, present: present.has(instance), retired: retirement !== undefined };
    return isGone({ ...facts, reportedAtMs: record.reportedAtMs }, nowMs, config.silentSeconds * 1000);
  });
  return gone.map(({ instance }) => ({ do: 'settle', instance }));
}
