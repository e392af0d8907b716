import { accountedFor, instanceOf, isServiceRole, member, succeeded } from '../calls.ts';
import type { CallFacts, Facts, InstanceFacts, Violation } from '../facts.ts';

/**
 * Only a retiring instance lowers the desired capacity, by its own terminate call, and once. The keeper ends instances
 * in the same way, takes back what nobody is there for, and lowers it further for each instance that went by a lower
 * rung and has a successor: once for each, which it notes in the same run before it does so.
 */
export function lowerings(facts: Facts): Violation[] {
  const calls = facts.calls.filter(succeeded).toSorted((a, b) => a.atMs - b.atMs);
  const scene: Scene = { facts, calls, paid: new Set(), surplus: 0 };
  return calls.flatMap((call) => (lowers(call, scene) ? judgeLowering(call, scene) : []));
}

interface Scene {
  facts: Facts;
  /** Those that took effect, in their order. */
  calls: readonly CallFacts[];
  /** Instances whose place is given up. */
  paid: Set<string>;
  /** How many more lived than were desired when the keeper last lowered the capacity: successors of those that died. */
  surplus: number;
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

/** Whether those that the keeper has noted make up for what is wanted less than there are. */
function isPaidFor(call: CallFacts, scene: Scene): boolean {
  const { paid, calls } = scene;
  const lookMs = lastLookMs(call, calls);
  const payers = notedBetween(lookMs ?? 0, call.atMs, scene);
  for (const id of payers) paid.add(id);
  const missing = livingAt(lookMs ?? call.atMs, call.atMs, scene) - Number(member(call, 'DesiredCapacity'));
  const before = scene.surplus;
  scene.surplus = Math.max(0, missing);
  return missing <= 0 || payers.length >= Math.max(1, missing - before);
}

/** Instances that were gone, that the keeper noted between its look and its call, and whose place was not given up yet. */
function notedBetween(lookMs: number, atMs: number, scene: Scene): string[] {
  const { facts, calls, paid } = scene;
  const notes = calls.filter((one) => isServiceRole(one) && one.atMs >= lookMs && one.atMs <= atMs);
  const ids = new Set(notes.map(accountedFor));
  return facts.instances
    .filter((one) => ids.has(one.id) && !paid.has(one.id) && isGone(one, atMs, scene))
    .map(({ id }) => id);
}

/** When the keeper last looked at the group before a call of its own. */
function lastLookMs(call: CallFacts, calls: readonly CallFacts[]): number | undefined {
  return calls.findLast(
    (one) => one.action === 'DescribeAutoScalingGroups' && isServiceRole(one) && one.atMs < call.atMs,
  )?.atMs;
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
    return (
      isServiceRole(call) || Number(desired) === 0 || Number(desired) < livingAt(call.atMs, call.atMs, scene)
    );
  }
  return decrements(call);
}

/** Instances that had been launched by the time of a look, and at that of a call had neither asked to go nor gone. */
function livingAt(lookMs: number, atMs: number, scene: Scene): number {
  const { facts, calls } = scene;
  const leaving = calls.filter((call) => call.atMs < atMs && decrements(call));
  const left = new Set(leaving.map((call) => member(call, 'InstanceId')));
  return facts.instances.filter(
    (one) => one.launchedMs < lookMs && !left.has(one.id) && !isGone(one, atMs, scene),
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

function violation(rule: 'capacity-lowered' | 'lowered-twice', subject: string, call: CallFacts): Violation {
  const why =
    rule === 'lowered-twice' ? ', for which it was lowered before' : ', not by an instance that retired';
  return { rule, subject, message: `by ${call.caller} with ${call.action}${why}` };
}
