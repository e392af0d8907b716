import { instanceOf, isServiceRole, member, succeeded } from '../calls.ts';
import type { CallFacts, Facts, InstanceFacts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';

/** The keeper's next looks after an instance went, in which it has to lower the capacity for it. */
const MOST_LOOKS = 10;

/**
 * Only a retiring instance lowers the desired capacity, by its own terminate call, and once. The keeper ends instances
 * in the same way, takes back what nobody is there for, and lowers it further for each instance that went by a lower
 * rung and has a successor: once for each, and soon after.
 */
export function lowerings(facts: Facts, runs: readonly Run[]): Violation[] {
  const calls = facts.calls.filter(succeeded).toSorted((a, b) => a.atMs - b.atMs);
  const scene: Scene = { facts, calls, runs, paid: new Set() };
  return calls.flatMap((call) => (lowers(call, scene) ? judgeLowering(call, scene) : []));
}

interface Scene {
  facts: Facts;
  /** Those that took effect, in their order. */
  calls: readonly CallFacts[];
  runs: readonly Run[];
  /** Instances whose place is given up. */
  paid: Set<string>;
}

function judgeLowering(call: CallFacts, scene: Scene): Violation[] {
  const { paid } = scene;
  const named = decrements(call) ? String(member(call, 'InstanceId')) : undefined;
  if (named !== undefined && (instanceOf(call) === named || isServiceRole(call))) {
    const again = paid.has(named);
    paid.add(named);
    return again ? [violation('lowered-twice', named, call)] : [];
  }
  if (named === undefined && isServiceRole(call) && isPaidFor(call, scene)) return [];
  return [violation('capacity-lowered', String(member(call, 'AutoScalingGroupName') ?? named ?? '?'), call)];
}

/** Whether those that are gone make up for what is wanted less than there are. */
function isPaidFor(call: CallFacts, scene: Scene): boolean {
  const { facts, paid } = scene;
  const desired = Number(member(call, 'DesiredCapacity'));
  const missing = livingAt(call.atMs, scene) - desired;
  const gone = facts.instances
    .filter((one) => !paid.has(one.id) && isGone(one, call.atMs, scene))
    .toSorted((a, b) => lastSignMs(b, scene) - lastSignMs(a, scene));
  if (missing <= 0) {
    // Of those that are gone only as many have a place left as nobody fills.
    for (const { id } of gone.slice(-missing)) paid.add(id);
    return true;
  }
  const payers = gone.filter((one) => looksSince(lastSignMs(one, scene), call.atMs, scene) <= MOST_LOOKS);
  for (const { id } of payers.slice(0, missing)) paid.add(id);
  return payers.length >= missing;
}

function decrements(call: CallFacts): boolean {
  if (call.action !== 'TerminateInstanceInAutoScalingGroup') return false;
  return String(member(call, 'ShouldDecrementDesiredCapacity')) === 'true';
}

/** Deleting a group is CloudFormation's; it sets no capacity of a group that lives on. */
function lowers(call: CallFacts, scene: Scene): boolean {
  if (call.service !== 'autoscaling' || call.caller === 'cloud') return false;
  const { action } = call;
  if (action === 'DetachInstances' || action === 'EnterStandby') return true;
  if (action === 'SetDesiredCapacity' || action === 'UpdateAutoScalingGroup') {
    const desired = member(call, 'DesiredCapacity');
    if (desired === undefined) return false;
    return isServiceRole(call) || Number(desired) === 0 || Number(desired) < livingAt(call.atMs, scene);
  }
  return decrements(call);
}

/** Instances that had been launched, and had neither asked to go nor gone. */
function livingAt(atMs: number, scene: Scene): number {
  const { facts, calls } = scene;
  const leaving = calls.filter((call) => call.atMs < atMs && decrements(call));
  const left = new Set(leaving.map((call) => member(call, 'InstanceId')));
  return facts.instances.filter(
    (one) => one.launchedMs < atMs && !left.has(one.id) && !isGone(one, atMs, scene),
  ).length;
}

function isGone(instance: InstanceFacts, atMs: number, scene: Scene): boolean {
  return instance.launchedMs < atMs && instance.state === 'terminated' && lastSignMs(instance, scene) < atMs;
}

/** When its group let it go; else the last that was heard or said of it. */
function lastSignMs({ id, launchedMs, leftMs }: InstanceFacts, { calls }: Scene): number {
  if (leftMs !== undefined) return leftMs;
  const last = calls.findLast((call) => instanceOf(call) === id || member(call, 'InstanceId') === id);
  return Math.max(launchedMs, last?.atMs ?? 0);
}

/** While jobs wait, a successor is welcome: the keeper's looks count from the last job that was begun. */
function looksSince(sinceMs: number, atMs: number, { calls, runs }: Scene): number {
  const begun = runs.filter(({ startedMs }) => startedMs <= atMs).map(({ startedMs }) => startedMs);
  const fromMs = Math.max(sinceMs, ...begun);
  return calls.filter(
    (call) =>
      call.action === 'DescribeAutoScalingGroups' &&
      isServiceRole(call) &&
      call.atMs > fromMs &&
      call.atMs < atMs,
  ).length;
}

function violation(rule: 'capacity-lowered' | 'lowered-twice', subject: string, call: CallFacts): Violation {
  const why =
    rule === 'lowered-twice' ? ', for which it was lowered before' : ', not by an instance that retired';
  return { rule, subject, message: `by ${call.caller} with ${call.action}${why}` };
}
