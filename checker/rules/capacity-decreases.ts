import { accountedInstance, callerInstance, isServiceRole, readInput, succeeded } from '../calls.ts';
import type { CallFacts, Facts, InstanceFacts, Violation } from '../facts.ts';

/**
 * The desired capacity is lowered once for each retired instance. The instance does it with its own terminate call. The
 * keeper does it with the terminate call for a silent instance. It also removes capacity without instances, and it
 * lowers the capacity for an instance that retired without decrement. It records that instance in the same run before
 * it does so.
 */
export function judgeCapacityDecreases(facts: Facts): Violation[] {
  const calls = facts.calls.filter(succeeded).toSorted((a, b) => a.atMs - b.atMs);
  const scene: Scene = { facts, calls, accounted: new Set(), surplus: 0 };
  return calls.flatMap((call) => (lowers(call, scene) ? judgeLowering(call, scene) : []));
}

interface Scene {
  facts: Facts;
  /** The successful calls, in their order. */
  calls: readonly CallFacts[];
  /** Instances for which the capacity was lowered. */
  accounted: Set<string>;
  /**
   * How many more instances ran than were desired when the keeper last lowered the capacity: successors of ended ones.
   */
  surplus: number;
}

function judgeLowering(call: CallFacts, scene: Scene): Violation[] {
  const { accounted } = scene;
  const named = decrements(call) ? String(readInput(call, 'InstanceId')) : undefined;
  if (named !== undefined && (callerInstance(call) === named || isServiceRole(call))) {
    const again = accounted.has(named);
    accounted.add(named);
    return again ? [violation('lowered-twice', named, call)] : [];
  }
  if (named === undefined && isServiceRole(call) && isAccountedFor(call, scene)) return [];
  return [
    violation('capacity-lowered', String(readInput(call, 'AutoScalingGroupName') ?? named ?? '?'), call),
  ];
}

/**
 * Whether the keeper recorded enough instances for the number by which it lowered the capacity below the running ones.
 */
function isAccountedFor(call: CallFacts, scene: Scene): boolean {
  const { accounted, calls } = scene;
  const snapshotMs = lastSnapshotMs(call, calls);
  const recorded = recordedBetween(snapshotMs ?? 0, call.atMs, scene);
  for (const id of recorded) accounted.add(id);
  const running = runningAt(snapshotMs ?? call.atMs, call.atMs, scene);
  const missing = running - Number(readInput(call, 'DesiredCapacity'));
  const before = scene.surplus;
  scene.surplus = Math.max(0, missing);
  return missing <= 0 || recorded.length >= Math.max(1, missing - before);
}

/**
 * Ended instances that the keeper recorded between its snapshot and its call, and for which nothing was lowered yet.
 */
function recordedBetween(snapshotMs: number, atMs: number, scene: Scene): string[] {
  const { facts, calls, accounted } = scene;
  const writes = calls.filter((one) => isServiceRole(one) && one.atMs >= snapshotMs && one.atMs <= atMs);
  const ids = new Set(writes.map(accountedInstance));
  return facts.instances
    .filter((one) => ids.has(one.id) && !accounted.has(one.id) && isGone(one, atMs, scene))
    .map(({ id }) => id);
}

/** When the keeper last described the group before a call of its own. */
function lastSnapshotMs(call: CallFacts, calls: readonly CallFacts[]): number | undefined {
  return calls.findLast(
    (one) => one.action === 'DescribeAutoScalingGroups' && isServiceRole(one) && one.atMs < call.atMs,
  )?.atMs;
}

function decrements(call: CallFacts): boolean {
  if (call.action !== 'TerminateInstanceInAutoScalingGroup') return false;
  return String(readInput(call, 'ShouldDecrementDesiredCapacity')) === 'true';
}

/** Calls of CloudFormation are left out: it deletes groups, and does not set the capacity of others. */
function lowers(call: CallFacts, scene: Scene): boolean {
  if (call.service !== 'autoscaling' || call.caller === 'cloud') return false;
  const { action } = call;
  if (action === 'DetachInstances' || action === 'EnterStandby') return true;
  if (action === 'SetDesiredCapacity' || action === 'UpdateAutoScalingGroup') {
    const desired = readInput(call, 'DesiredCapacity');
    if (desired === undefined) return false;
    return (
      isServiceRole(call) || Number(desired) === 0 || Number(desired) < runningAt(call.atMs, call.atMs, scene)
    );
  }
  return decrements(call);
}

/**
 * The instances that were launched before a snapshot, and at the time of a call had neither requested their end nor
 * ended.
 */
function runningAt(snapshotMs: number, atMs: number, scene: Scene): number {
  const { facts, calls } = scene;
  const leaving = calls.filter((call) => call.atMs < atMs && decrements(call));
  const left = new Set(leaving.map((call) => readInput(call, 'InstanceId')));
  return facts.instances.filter(
    (one) => one.launchedMs < snapshotMs && !left.has(one.id) && !isGone(one, atMs, scene),
  ).length;
}

function isGone(instance: InstanceFacts, atMs: number, scene: Scene): boolean {
  return instance.launchedMs < atMs && instance.state === 'terminated' && lastSignMs(instance, scene) < atMs;
}

/** When its group began to terminate it, else the last call by it or about it. */
function lastSignMs({ id, launchedMs, leftMs }: InstanceFacts, { calls }: Scene): number {
  if (leftMs !== undefined) return leftMs;
  const last = calls.findLast((call) => callerInstance(call) === id || readInput(call, 'InstanceId') === id);
  return Math.max(launchedMs, last?.atMs ?? 0);
}

function violation(rule: 'capacity-lowered' | 'lowered-twice', subject: string, call: CallFacts): Violation {
  const why =
    rule === 'lowered-twice'
      ? 'although it was lowered for this instance before'
      : 'although no instance retired for it';
  return { rule, subject, message: `was lowered by ${call.caller} with ${call.action}, ${why}` };
}
